// Starts the binary under test in a folder of its own and ends what it started.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const binary = process.env.BAILIWICK_BIN;
if (!binary) throw new Error('BAILIWICK_BIN must name the built binary; run `cargo xtask test`');

export function temporaryFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), 'bailiwick-e2e-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A port that was free a moment ago. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts the binary and waits for a line of its output that matches `ready`. */
export async function start(args, ready) {
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await new Promise((resolve, reject) => {
    const look = (chunk) => {
      output += chunk;
      if (ready.test(output)) resolve();
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    exited.then((code) => reject(new Error(`ended with ${code} before it was ready:\n${output}`)));
  });
  return {
    output: () => output,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      await exited;
    },
  };
}

/** A page's first form as a browser would send it. */
export function form(html) {
  const text = html.match(/<form[\s\S]*?<\/form>/)[0];
  const attribute = (tag, name) => tag.match(new RegExp(`\\s${name}="([^"]*)"`))?.[1];
  const plain = (text) =>
    text?.replaceAll('&quot;', '"').replaceAll('&#34;', '"').replaceAll('&#38;', '&').replaceAll('&amp;', '&');
  const fields = new URLSearchParams();
  for (const [tag] of text.matchAll(/<(input|button)[^>]*>/g)) {
    const name = attribute(tag, 'name');
    if (!name) continue;
    if (attribute(tag, 'type') === 'checkbox' && !/\schecked/.test(tag)) continue;
    if (tag.startsWith('<button') && attribute(tag, 'class') !== 'primary') continue;
    fields.append(name, plain(attribute(tag, 'value')) ?? '');
  }
  return { action: plain(attribute(text.match(/<form[^>]*>/)[0], 'action')) ?? '', fields };
}
