// The README's quick start, with the files and commands that stand there, on ports of its own.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { binary, freePort, start, temporaryFolder } from './bailiwick.mjs';

const temporary = temporaryFolder();
after(temporary.remove);

test('the quick start of the README leads to a 200, a 401 and a 403', { timeout: 60_000 }, async () => {
  const readme = readFileSync(path.join(path.dirname(fileURLToPath(import.meta.url)), '../README.md'), 'utf8');
  const api = createServer((_, response) => response.end('a note'));
  await new Promise((resolve) => api.listen(0, '127.0.0.1', resolve));
  const ports = { 9000: await freePort(), 8080: await freePort(), 3000: api.address().port };
  const moved = (text) => text.replace(/127\.0\.0\.1:(9000|8080|3000)/g, (_, port) => `127.0.0.1:${ports[port]}`);
  const [server, gateway] = [...readme.matchAll(/```toml\n([\s\S]*?)```/g)].map(([, text]) => moved(text));
  writeFileSync(path.join(temporary.folder, 'bailiwick.toml'), server);
  writeFileSync(path.join(temporary.folder, 'gateway.toml'), gateway);
  const config = ['--config', path.join(temporary.folder, 'bailiwick.toml')];
  const gatewayConfig = ['--config', path.join(temporary.folder, 'gateway.toml')];
  const notes = moved('http://127.0.0.1:8080/notes');

  const running = [];
  try {
    running.push(await start(['serve', ...config], /listening on/));
    running.push(await start(['gateway', ...gatewayConfig], /listening on/));
    const added = execFileSync(binary, ['client', 'add', 'robot', ...config, '--resource', `${notes}=read:notes`]);
    const secret = added.toString().match(/shown once\): (\S+)/)[1];
    const token = execFileSync(binary, ['token', '--issuer', moved('http://127.0.0.1:9000'),
      '--client-id', 'robot', '--secret-env', 'ROBOT_SECRET', '--resource', notes, '--scope', 'read:notes'],
    { env: { ...process.env, ROBOT_SECRET: secret }, stdio: ['ignore', 'pipe', 'ignore'] }).toString().trim();

    const headers = { authorization: `Bearer ${token}` };
    const good = await fetch(`${notes}/`, { headers });
    assert.equal(good.status, 200);
    assert.equal(await good.text(), 'a note');
    const bare = await fetch(`${notes}/`);
    assert.equal(bare.status, 401);
    assert.match(bare.headers.get('www-authenticate'), /^Bearer (?!.*error=).*resource_metadata=/);
    const small = await fetch(`${notes}/`, { method: 'POST', headers });
    assert.equal(small.status, 403);
    assert.match(small.headers.get('www-authenticate'), /error="insufficient_scope".*scope="write:notes"|scope="write:notes".*error="insufficient_scope"/);

    const explain = (method) =>
      spawnSync(binary, ['explain', ...gatewayConfig, method, `${notes}/`], { input: token });
    assert.equal(explain('GET').status, 0);
    const refused = explain('POST');
    assert.equal(refused.status, 1);
    assert.match(refused.stdout.toString(), /addressed +RFC 8707 §2 +passed[\s\S]*allowed .*FAILED: insufficient_scope/);
  } finally {
    for (const one of running) await one.stop();
    api.close();
  }
});
