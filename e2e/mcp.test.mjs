// The gateway in front of a Model Context Protocol server, used by the official clients: they find
// the authorization server by themselves, sign a user in, and ask for more scope when told to.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as current from '@modelcontextprotocol/client';
import * as sdkClient from '@modelcontextprotocol/sdk/client/index.js';
import * as sdkTransport from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { binary, freePort, start, temporaryFolder } from './bailiwick.mjs';
import { serveMcp } from './mcp/server.mjs';
import { user } from './mcp/user.mjs';

const redirectUri = 'http://127.0.0.1:1/callback';
const password = 'correct horse battery staple';
const folder = path.dirname(fileURLToPath(import.meta.url));
const temporary = temporaryFolder();
const running = [];
let mcp, url, issuer, other;

before(async () => {
  mcp = await serveMcp();
  issuer = `http://127.0.0.1:${await freePort()}`;
  const gateway = `http://127.0.0.1:${await freePort()}`;
  [url, other] = [`${gateway}/mcp`, `${gateway}/other`];
  const hash = execFileSync(binary, ['user', 'hash'], { input: `${password}\n` }).toString().trim();
  process.env.ROBOT_SECRET = 'a secret of the robot that nobody guesses';
  const config = path.join(temporary.folder, 'bailiwick.toml');
  writeFileSync(config, `
issuer = "${issuer}"
listen = "${new URL(issuer).host}"
store = "bailiwick.db"

[[resource]]
identifier = "${url}"
name = "Issues"
scopes = { mcp = "Use the tools", "issues:read" = "See issues", "issues:write" = "Write issues" }

[[resource]]
identifier = "${other}"
name = "Other"
scopes = { mcp = "Use it" }

[[client]]
id = "agent"
name = "Agent"
authentication = "none"
redirect_uris = ["${redirectUri}"]
grants = ["authorization_code"]
resources = { "${url}" = "*" }

[[client]]
id = "robot"
name = "Robot"
authentication = "client_secret_basic"
secret = { env = "ROBOT_SECRET" }
grants = ["client_credentials"]
resources = { "*" = "*" }

[[user]]
username = "ada"
password = "${hash}"
`);
  const gatewayConfig = path.join(temporary.folder, 'gateway.toml');
  writeFileSync(gatewayConfig, `
listen = "${new URL(gateway).host}"

[[resource]]
identifier = "${url}"
issuer = "${issuer}"
upstream = "http://127.0.0.1:${mcp.port}"
routes = [{
  path = "/mcp", scopes = ["mcp"],
  tools = { create_issue = ["issues:write"], list_issues = ["issues:read"], watch_issues = ["issues:read"] },
}]
`);
  running.push(await start(['serve', '--config', config], /listening/i));
  running.push(await start(['gateway', '--config', gatewayConfig], /listening/i));
});

after(async () => {
  for (const one of running) await one.stop();
  mcp?.stop();
  temporary.remove();
});

/** What a client keeps, and the user who answers for it. */
function authProvider() {
  const ada = user('ada', password);
  return {
    asked: [],
    redirectUrl: redirectUri,
    clientMetadata: { redirect_uris: [redirectUri], client_name: 'Agent' },
    clientInformation: () => ({ client_id: 'agent', issuer }),
    tokens() { return this.kept; },
    saveTokens(tokens) { this.kept = tokens; },
    codeVerifier() { return this.verifier; },
    saveCodeVerifier(verifier) { this.verifier = verifier; },
    discoveryState() { return this.discovered; },
    saveDiscoveryState(discovered) { this.discovered = discovered; },
    async redirectToAuthorization(to) {
      this.asked.push(to);
      this.redirected = (await ada.authorize(to, redirectUri)).searchParams;
    },
  };
}

/** The token of a client that acts for itself. */
async function robotToken(resource, scope) {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`robot:${encodeURIComponent(process.env.ROBOT_SECRET)}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource, scope }),
  });
  const tokens = await response.json();
  assert.equal(response.status, 200, JSON.stringify(tokens));
  return tokens.access_token;
}

const text = (result) => result.content[0].text;
const scopes = (to) => new Set(to.searchParams.get('scope').split(' '));
const passed = () => mcp.seen.map(({ method }) => method);

const clients = [
  ['TypeScript SDK', sdkClient.Client, sdkTransport.StreamableHTTPClientTransport,
    (transport, redirected) => transport.finishAuth(redirected.get('code'))],
  ['TypeScript client of the second generation', current.Client, current.StreamableHTTPClientTransport,
    (transport, redirected) => transport.finishAuth(redirected)],
];

for (const [name, Client, Transport, finishAuth] of clients) {
  test(`${name}: from a 401 to tools, streams, more scope and the end of the session`, { timeout: 60_000 }, async () => {
    mcp.seen.length = 0;
    const provider = authProvider();
    const transport = () => new Transport(new URL(url), { authProvider: provider });
    const client = () => new Client({ name: 'test', version: '1.0.0' });

    // The 401 leads to the metadata of the API, that to the authorization server, that to the user.
    const first = transport();
    await assert.rejects(client().connect(first), /unauthorized/i);
    assert.deepEqual(passed(), []);
    assert.equal(provider.asked[0].origin, issuer);
    assert.equal(provider.asked[0].searchParams.get('resource'), url);
    assert.deepEqual(scopes(provider.asked[0]), new Set(['mcp']));
    await finishAuth(first, provider.redirected);

    const second = transport();
    const signedIn = client();
    const announced = deferred();
    signedIn.setNotificationHandler(...toolListChanged(Client, () => announced.resolve()));
    await signedIn.connect(second);
    assert.equal((await signedIn.listTools()).tools.length, 4);
    await until(() => passed().includes('GET'));
    await mcp.announce();
    await announced.promise;

    // A tool that needs more: the challenge names all that the call needs, and it is asked for.
    await assert.rejects(signedIn.callTool({ name: 'list_issues', arguments: {} }), /unauthorized/i);
    assert.deepEqual(scopes(provider.asked[1]), new Set(['mcp', 'issues:read']));
    await finishAuth(second, provider.redirected);
    assert.equal(text(await signedIn.callTool({ name: 'list_issues', arguments: {} })), 'no issues');

    // The answer streams: the first half arrives before the second exists.
    const onprogress = ({ progress }) => progress === 1 && mcp.release();
    const watched = await signedIn.callTool({ name: 'watch_issues', arguments: {} }, ...(Client === current.Client ? [] : [undefined]), { onprogress });
    assert.equal(text(watched), 'done');

    const calls = mcp.seen.length;
    const arguments_ = { title: 'a leak' };
    await assert.rejects(signedIn.callTool({ name: 'create_issue', arguments: arguments_ }), /unauthorized/i);
    assert.ok(['mcp', 'issues:write'].every((scope) => scopes(provider.asked[2]).has(scope)));
    assert.equal(mcp.seen.length, calls);
    await finishAuth(second, provider.redirected);
    assert.equal(text(await signedIn.callTool({ name: 'create_issue', arguments: arguments_ })), 'created a leak');
    await assert.rejects(signedIn.callTool({ name: 'delete_all', arguments: {} }), /403|forbidden|not list/i);

    assert.equal(mcp.sessions.size, 1);
    await second.terminateSession();
    assert.equal(mcp.sessions.size, 0);
    assert.ok(passed().includes('DELETE'));
    await signedIn.close();
    // The server never saw a token.
    assert.ok(mcp.seen.every(({ headers }) => !headers.authorization && headers['x-auth-client'] === 'agent'));
  });
}

function deferred() {
  const it = {};
  it.promise = new Promise((resolve, reject) => Object.assign(it, { resolve, reject }));
  return it;
}

async function until(is) {
  const end = Date.now() + 10_000;
  while (!is()) {
    assert.ok(Date.now() < end, 'it never came to pass');
    await new Promise((resolve) => setTimeout(resolve, 10)); // no event tells of it
  }
}

function toolListChanged(Client, handler) {
  const method = 'notifications/tools/list_changed';
  return Client === current.Client ? [method, handler] : [ToolListChangedNotificationSchema, handler];
}

test('the Python SDK does the same by itself', { timeout: 120_000 }, async () => {
  mcp.seen.length = 0;
  const ada = user('ada', password);
  const child = spawn('python3', [path.join(folder, 'mcp/client.py')], {
    env: {
      ...process.env, PYTHONPATH: path.join(folder, '.tools/mcp'), PYTHONDONTWRITEBYTECODE: '1',
      URL: url, ISSUER: issuer, REDIRECT_URI: redirectUri,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const asked = [];
  let results;
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line);
    if (said.authorize) {
      asked.push(new URL(said.authorize));
      child.stdin.write(`${await ada.authorize(said.authorize, redirectUri)}\n`);
    }
    if (said.progress === 1) mcp.release();
    results ??= said.results;
  }
  assert.equal(await exited, 0);
  assert.deepEqual(results.tools, ['list_issues', 'create_issue', 'delete_all', 'watch_issues']);
  assert.equal(results.list_issues, 'no issues');
  assert.equal(results.watch_issues, 'done');
  assert.equal(results.create_issue, 'created a leak');
  assert.match(results.delete_all, /^refused/);
  assert.deepEqual(asked.map((to) => [...scopes(to)].sort().join(' ')),
    ['mcp', 'issues:read mcp', 'issues:read issues:write mcp']);
  assert.ok(asked.every((to) => to.searchParams.get('resource') === url));
  assert.ok(passed().includes('GET') && passed().includes('DELETE'));
  assert.equal(mcp.sessions.size, 0);
  assert.ok(mcp.seen.every(({ headers }) => !headers.authorization));
});

test('a token for another resource is no token here, and says where one is to be had', async () => {
  const list = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
  const ask = (token, init) => fetch(url, {
    headers: {
      'content-type': 'application/json', accept: 'application/json, text/event-stream',
      ...(token && { authorization: `Bearer ${token}` }),
    },
    ...init,
  });
  mcp.seen.length = 0;
  const foreign = await robotToken(other, 'mcp');
  for (const [token, init] of [
    [foreign, { method: 'POST', body: list }], [foreign, {}],
    [undefined, { method: 'POST', body: list }], [undefined, {}], [undefined, { method: 'DELETE' }],
  ]) {
    const refused = await ask(token, init);
    assert.equal(refused.status, 401);
    const challenge = refused.headers.get('www-authenticate');
    assert.match(challenge, /^Bearer /);
    assert.match(challenge, /scope="mcp"/);
    const [, metadata] = challenge.match(/resource_metadata="([^"]+)"/);
    assert.equal(metadata, url.replace('/mcp', '/.well-known/oauth-protected-resource/mcp'));
    const document = await (await fetch(metadata)).json();
    assert.equal(document.resource, url);
    assert.deepEqual(document.authorization_servers, [issuer]);
    // The least that is useful; tools ask for the rest when they are called.
    assert.deepEqual(document.scopes_supported, ['mcp']);
  }
  assert.deepEqual(mcp.seen, []);

  const token = await robotToken(url, 'mcp issues:read');
  const call = (name) => ask(token, {
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } }),
  });
  const narrow = await call('create_issue');
  assert.equal(narrow.status, 403);
  assert.match(narrow.headers.get('www-authenticate'), /error="insufficient_scope".*scope="mcp issues:write"/);
  // What the server says of a request without a session passes, with its status.
  assert.equal((await call('list_issues')).status, 400);
  assert.equal(mcp.seen.length, 1);
});
