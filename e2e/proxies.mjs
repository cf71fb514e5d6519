// Other proxies in front of an API, each with the configuration in `deploy/`: ports, the issuer's
// address and the places of files are replaced, nothing else.
import { spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { binary, freePort } from './bailiwick.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const tools = process.env.BAILIWICK_TOOLS ?? path.join(root, 'e2e/.tools');
export const api = 'https://api.example.com';
const longest = 20_000;

/** How each proxy is started; `folder` holds its files, ready. */
const proxies = {
  nginx: {
    deploy: 'nginx', files: ['api.conf'],
    command: (folder) => {
      writeFileSync(path.join(folder, 'nginx.conf'), `
        daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr warn;
        events {}
        http {
          access_log off;
          ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
            .map((what) => `${what}_temp_path ${folder}/${what};`).join('\n')}
          include ${folder}/api.conf;
        }`);
      return ['nginx', '-e', 'stderr', '-p', folder, '-c', path.join(folder, 'nginx.conf')];
    },
  },
  haproxy: {
    deploy: 'haproxy', files: ['haproxy.cfg', 'bailiwick.lua'],
    command: (folder) => ['haproxy', '-db', '-f', path.join(folder, 'haproxy.cfg')],
  },
  traefik: {
    deploy: 'traefik', files: ['traefik.yml', 'api.yml'],
    command: (folder) => [path.join(tools, 'bin/traefik'), `--configFile=${folder}/traefik.yml`],
  },
  caddy: {
    deploy: 'caddy', files: ['Caddyfile'],
    command: (folder) => {
      // Its administration listens on a port of its own otherwise.
      const file = path.join(folder, 'Caddyfile');
      writeFileSync(file, `{\n\tadmin off\n}\n${readFileSync(file, 'utf8')}`);
      return [path.join(tools, 'bin/caddy'), 'run', '--config', file, '--adapter', 'caddyfile'];
    },
  },
  'envoy over gRPC': { deploy: 'envoy', files: ['envoy.yaml'], command: envoy('envoy.yaml') },
  'envoy over HTTP': { deploy: 'envoy', files: ['envoy-http.yaml'], command: envoy('envoy-http.yaml') },
};

function envoy(file) {
  return (folder) => [path.join(tools, 'envoy/_bin/envoy'), '-c', path.join(folder, file),
    '--use-dynamic-base-id', '--concurrency', '1', '-l', 'warn'];
}

export const names = Object.keys(proxies);

/** An issuer, an API, a gateway that answers, and a proxy that asks it. */
export async function world(name) {
  const { deploy, files, command } = proxies[name];
  const folder = mkdtempSync(path.join(tmpdir(), 'bailiwick-proxies-'));
  const issuer = await startIssuer();
  const upstream = await startUpstream();
  const [listen, answers, port] = [await freePort(), await freePort(), await freePort()];
  for (const file of ['gateway.toml', ...files]) {
    const text = readFileSync(path.join(root, 'deploy', deploy, file), 'utf8')
      .replaceAll('https://id.example.com', issuer.url)
      .replaceAll('127.0.0.1:8080', `127.0.0.1:${listen}`)
      .replaceAll('9902', answers).replaceAll('7000', upstream.port).replaceAll('8000', port)
      .replaceAll(/\/etc\/(traefik|haproxy)\//g, `${folder}/`);
    writeFileSync(path.join(folder, file), text);
  }
  const gateway = run([binary, 'gateway', '--config', path.join(folder, 'gateway.toml')]);
  await listening(answers, gateway);
  const proxy = run(command(folder));
  await listening(port, proxy);
  const send = (octets) => exchange(port, octets);
  const world = {
    issuer, upstream, gateway, port, send,
    /** A usual request; `headers` are lines. */
    ask: (method, target, headers = []) => send(
      [`${method} ${target} HTTP/1.1`, 'Host: api.example.com', ...headers, 'Connection: close', '', '']
        .join('\r\n')),
    stop: async () => {
      await Promise.all([proxy.stop(), gateway.stop()]);
      await Promise.all([issuer.stop(), upstream.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  // A proxy may listen before it knows its routes.
  await until(async () => (await world.ask('GET', '/public/ready')).status === 200,
    () => `${name} does not let a public request pass:\n${proxy.output()}\n${gateway.output()}`);
  upstream.seen.length = 0;
  return world;
}

function run([program, ...args]) {
  // Debian's daemons stand in a folder that is not on everybody's path.
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  let ended;
  const exited = new Promise((resolve) => {
    child.once('exit', (code) => resolve(ended = `ended with ${code}`));
    child.once('error', (error) => resolve(ended = `${program} cannot be run: ${error.message}`));
  });
  return {
    output: () => `${output}\n${ended ?? ''}`,
    ended: () => ended,
    stop: async () => {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await exited;
      clearTimeout(late);
    },
  };
}

async function until(holds, explain) {
  const deadline = Date.now() + longest;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(explain());
    // There is nothing to wait on but the other process's progress.
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

const listening = (port, process) => until(
  () => {
    if (process.ended()) throw new Error(process.output());
    return new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
  },
  () => `nobody listens on ${port}:\n${process.output()}`);

/** Sends octets and reads until the other side closes. */
function exchange(port, octets) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const chunks = [];
    const end = () => {
      socket.destroy();
      resolve(parsed(Buffer.concat(chunks)));
    };
    socket.setTimeout(longest, () => reject(new Error(`no end of the answer to ${octets}`)));
    socket.on('data', (chunk) => chunks.push(chunk)).on('close', end).on('error', end);
    socket.write(octets);
  });
}

function parsed(octets) {
  const text = octets.toString('latin1');
  const [head, ...rest] = text.split('\r\n\r\n');
  const [line, ...lines] = head.split('\r\n');
  const headers = lines.map((line) => line.match(/^([^:]+):\s*(.*?)\s*$/)?.slice(1)).filter(Boolean);
  const all = (name) => headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
  let body = rest.join('\r\n\r\n');
  if (/chunked/i.test(all('transfer-encoding')[0] ?? '')) body = unchunked(body);
  return {
    status: Number(line.split(' ')[1] ?? 0), all, body, text,
    header: (name) => all(name).join(', '),
    json: () => JSON.parse(body),
  };
}

function unchunked(text) {
  let [body, rest] = ['', text];
  for (let size; (size = Number.parseInt(rest, 16)); ) {
    const begin = rest.indexOf('\r\n') + 2;
    body += rest.slice(begin, begin + size);
    rest = rest.slice(begin + size + 2);
  }
  return body;
}

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const now = () => Math.floor(Date.now() / 1000);

function signed(header, claims, key) {
  const input = `${encoded({ alg: 'ES256', ...header })}.${encoded(claims)}`;
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

async function startIssuer() {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const server = createServer((request, response) => {
    const url = `http://127.0.0.1:${server.address().port}`;
    const jwk = { ...key.publicKey.export({ format: 'jwk' }), kid: '1', alg: 'ES256', use: 'sig' };
    const documents = {
      '/.well-known/oauth-authorization-server': { issuer: url, jwks_uri: `${url}/jwks` },
      '/jwks': { keys: [jwk] },
    };
    const document = documents[request.url];
    response.writeHead(document ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(document ?? {}));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  return {
    url,
    /** A token of the usual claims and these. */
    token: (scope, claims = {}) => signed({ typ: 'at+jwt', kid: '1' }, {
      iss: url, sub: 'alice', client_id: 'shop', aud: api, scope, jti: randomUUID(),
      iat: now(), exp: now() + 600, ...claims,
    }, key.privateKey),
    stop: () => closed(server),
  };
}

/** A key of a client that proves to have it (RFC 9449). */
export function holder() {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { kty, crv, x, y } = key.publicKey.export({ format: 'jwk' });
  const jwk = { crv, kty, x, y };
  return {
    confirmation: { jkt: createHash('sha256').update(JSON.stringify(jwk)).digest('base64url') },
    proof: (htm, htu, token) => signed({ typ: 'dpop+jwt', jwk }, {
      htm, htu, iat: now(), jti: randomUUID(),
      ath: createHash('sha256').update(token).digest('base64url'),
    }, key.privateKey),
  };
}

/** An API that notes what reaches it, and answers with what it saw. */
async function startUpstream() {
  const seen = [];
  const sockets = new Set();
  const server = createServer((request, response) => {
    seen.push({ method: request.method, target: request.url, headers: request.rawHeaders });
    if (request.url.startsWith('/public/events')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: first\n\n');
      // The second comes when the client has said that it read the first.
      server.once('first-was-read', () => response.end('data: second\n\n'));
      return;
    }
    if (request.url === '/public/read') server.emit('first-was-read');
    let body = '';
    request.on('data', (chunk) => (body += chunk)).on('end', () => {
      response.end(JSON.stringify({ target: request.url, headers: request.rawHeaders, body }));
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
  });
  server.on('upgrade', (request, socket) => {
    seen.push({ method: request.method, target: request.url, headers: request.rawHeaders });
    const key = request.headers['sec-websocket-key'];
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade',
      `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n'));
    socket.pipe(socket);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: server.address().port, seen,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await closed(server);
    },
  };
}

const closed = (server) => new Promise((resolve) => {
  server.close(resolve);
  server.closeAllConnections();
});

/** Connects, sends octets, and reads until what came matches; the rest can be sent and read too. */
export async function conversation(port, octets) {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString('latin1'))).on('error', () => {});
  socket.write(octets);
  return {
    say: (octets) => socket.write(octets),
    heard: (what) => until(async () => what.test(text), () => `${what} never came: ${text}`).then(() => text),
    end: () => socket.destroy(),
  };
}
