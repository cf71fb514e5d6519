// The server is killed hard between and during redemptions: no code is ever redeemed twice, and no
// acknowledged refresh token is lost.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { binary, form, freePort, start, temporaryFolder } from './bailiwick.mjs';

const temporary = temporaryFolder();
after(temporary.remove);

const port = await freePort();
const issuer = `http://127.0.0.1:${port}`;
const api = 'https://api.example.com';
const redirect_uri = 'https://app.example.com/callback';
const password = 'correct horse battery staple';
const hash = execFileSync(binary, ['user', 'hash'], { input: `${password}\n` }).toString().trim();
const config = path.join(temporary.folder, 'bailiwick.toml');
writeFileSync(config, `
issuer = "${issuer}"
listen = "127.0.0.1:${port}"
store = "bailiwick.db"

[[resource]]
identifier = "${api}"
name = "Example"
scopes = { read = "Read" }

[[client]]
id = "app"
name = "App"
authentication = "none"
redirect_uris = ["${redirect_uri}"]
grants = ["authorization_code", "refresh_token"]
refresh_tokens = "always"
resources = { "${api}" = ["read"] }

[[user]]
username = "ada"
password = "${hash}"
`);

const serve = () => start(['serve', '--config', config], /listening/i);

const cookies = new Map();
async function open(url, init = {}) {
  const response = await fetch(url, {
    redirect: 'manual', ...init,
    headers: { cookie: [...cookies].map((pair) => pair.join('=')).join('; '), origin: issuer, ...init.headers },
  });
  for (const cookie of response.headers.getSetCookie()) {
    const [, name, value] = cookie.match(/^([^=]+)=([^;]*)/);
    cookies.set(name, value);
  }
  return response;
}

async function code() {
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    response_type: 'code', client_id: 'app', redirect_uri, scope: 'read', resource: api,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  let response = await open(`${issuer}/authorize?${query}`);
  for (let step = 0; step < 8; step++) {
    const location = response.headers.get('location');
    if (location?.startsWith(redirect_uri)) {
      return { code: new URL(location).searchParams.get('code'), verifier };
    }
    if (location) {
      response = await open(new URL(location, issuer));
      continue;
    }
    const { action, fields } = form(await response.text());
    if (fields.has('password')) {
      fields.set('username', 'ada');
      fields.set('password', password);
    }
    response = await open(new URL(action, issuer), { method: 'POST', body: fields });
  }
  throw new Error(`no code after ${response.status}`);
}

async function token(fields) {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST', body: new URLSearchParams({ client_id: 'app', ...fields }),
  });
  return { status: response.status, body: await response.json() };
}

const redeem = ({ code, verifier }) =>
  token({ grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri, resource: api });
const refresh = (refresh_token) => token({ grant_type: 'refresh_token', refresh_token });

test('a hard kill loses nothing and doubles nothing', { timeout: 240_000 }, async () => {
  const rounds = process.env.BAILIWICK_FULL ? 100 : 10;
  let kept = 0;
  for (let round = 0; round < rounds; round++) {
    let server = await serve();
    const codes = [];
    for (let n = 0; n < 6; n++) codes.push(await code());
    // Half of the codes are redeemed once, half twice at the same time (the second use revokes, also
    // when its answer is cut off); the kill comes at a random moment in between.
    const twice = new Set(codes.filter((_, n) => n % 2 === 1));
    const attempts = codes.flatMap((one) => (twice.has(one) ? [one, one] : [one]).map(async (one) => {
      try {
        return { one, ...(await redeem(one)) };
      } catch {
        return { one, status: 0 };
      }
    }));
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 12));
    await server.stop('SIGKILL');
    const answers = await Promise.all(attempts);

    server = await serve();
    try {
      for (const one of codes) {
        const acknowledged = answers.filter((a) => a.one === one && a.status === 200);
        assert.ok(acknowledged.length <= 1, 'a code was redeemed twice');
        kept += acknowledged.length;
        if (acknowledged.length === 1 && !twice.has(one)) {
          const next = await refresh(acknowledged[0].body.refresh_token);
          assert.equal(next.status, 200, 'an acknowledged refresh token was lost');
        }
        if (acknowledged.length === 1) {
          assert.equal((await redeem(one)).status, 400, 'a code was redeemed twice');
        }
      }
    } finally {
      await server.stop();
    }
  }
  assert.ok(kept > 0, 'no redemption was acknowledged before a kill: nothing was tested');
});
