// NGINX, HAProxy, Traefik, Caddy and Envoy ask the gateway what to do, with the configurations that
// users copy.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { api, conversation, holder, names, world } from './proxies.mjs';

/** Ways in, names and endings of a protected path, as a client without a token might spell it. */
function spellings() {
  const ways = ['/', '//', '/./', '/%2e/', '/public/../', '/public/%2e%2e/', '/public/.%2e/',
    '/public/%2E%2e/', '/public/%252e%252e/', '/public/..%2f', '/public/..%5c', '/public/..\\',
    '/public/..;/', '/public/..;a=b/', '/public/%c0%ae%c0%ae/', '/public/x/../../', '/public//../',
    '/public/..//', '/;/', '/%2f', '/\\', '/public%2f..%2f', '/public/..%252f', '/../',
    'http://api.example.com/', 'http://api.example.com/public/../', '/public?/../', '/public#/../',
    '/public/...//../../', '/public/..%00/', '/public/..%20/', '/public/..%09/', '/public/x;/../../'];
  const targets = ['orders', 'ORDERS', 'Orders', '%6frders', 'orders%2f', 'orders;x', 'orders%00',
    'orders/', 'orders//', 'orders/.', 'orders#', 'orders?', 'orders%3f', 'orders%23', 'orders%20'];
  return ways.flatMap((way) => targets.map((name) => `${way}${name}/1`))
    .concat(ways.map((way) => `${way}orders`));
}

/** Whether the most lenient upstream takes this for the protected path. */
function isProtected(target) {
  let path = target;
  for (let again = 0; again < 3; again++) {
    path = path.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
  path = path.toLowerCase().replace(/^https?:\/\/[^/]*/, '').replaceAll('\\', '/').split(/[?#\0]/)[0];
  const kept = [];
  for (const raw of path.split('/')) {
    const segment = raw.split(';')[0].trim();
    if (segment === '..') kept.pop();
    else if (segment.replace(/[. ]+$/, '')) kept.push(segment);
  }
  return kept[0]?.trim() === 'orders';
}

const values = (request, name) => request.headers.filter((_, at) =>
  at % 2 === 1 && request.headers[at - 1].toLowerCase().replace(/[^a-z0-9]/g, '-') === name);

for (const name of names) {
  describe(name, () => {
    let here, bearer;
    before(async () => {
      here = await world(name);
      bearer = (scope, claims) => `Authorization: Bearer ${here.issuer.token(scope, claims)}`;
    });
    after(() => here?.stop());

    const seen = () => here.upstream.seen.splice(0);
    const refused = async (status, answer) => {
      assert.equal(answer.status, status, answer.text);
      assert.deepEqual(seen(), [], 'the upstream was reached');
      return answer;
    };

    test('a good token passes, and stays here', async () => {
      const answer = await here.ask('GET', '/orders/1?a=%2e&b=c%20d', [bearer('read:orders')]);
      assert.equal(answer.status, 200, answer.text);
      const [request] = seen();
      assert.equal(request.target, '/orders/1?a=%2e&b=c%20d');
      assert.deepEqual(values(request, 'x-auth-subject'), ['alice']);
      assert.deepEqual(values(request, 'x-auth-client'), ['shop']);
      assert.deepEqual(values(request, 'x-auth-scope'), ['read:orders']);
      assert.deepEqual(values(request, 'authorization'), []);
    });

    test('a body passes with its request', async () => {
      const head = [bearer('write:orders'), 'Content-Length: 3'];
      const octets = ['POST /orders/1 HTTP/1.1', 'Host: api.example.com', ...head, 'Connection: close'];
      const answer = await here.send(`${octets.join('\r\n')}\r\n\r\ntea`);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json().body, 'tea');
      seen();
    });

    test('the token goes along where the route says so', async () => {
      const token = bearer('');
      assert.equal((await here.ask('GET', '/as-client', [token])).status, 200);
      assert.deepEqual(values(seen()[0], 'authorization'), [token.slice('Authorization: '.length)]);
    });

    test('a public route is for everyone, and says nothing of who', async () => {
      const answer = await here.ask('GET', '/public/a', [bearer('read:orders')]);
      assert.equal(answer.status, 200, answer.text);
      const [request] = seen();
      for (const header of ['x-auth-subject', 'x-auth-client', 'x-auth-scope', 'authorization']) {
        assert.deepEqual(values(request, header), [], header);
      }
    });

    test('a refusal comes with its whole challenge', async () => {
      const bare = await refused(401, await here.ask('GET', '/orders/1'));
      const [challenge, ...more] = bare.all('www-authenticate');
      assert.match(challenge, /^Bearer /);
      assert.deepEqual(more, [], 'the challenge came twice');
      const metadata = challenge.match(/resource_metadata="([^"]*)"/)[1];
      assert.match(challenge, /scope="read:orders"/);
      assert.match(bare.header('cache-control'), /no-store/);

      const document = await here.ask('GET', new URL(metadata).pathname);
      assert.equal(document.json().resource, api, document.text);

      const elsewhere = bearer('read:orders', { aud: 'https://other.example' });
      const wrong = await refused(401, await here.ask('GET', '/orders/1', [elsewhere]));
      assert.match(wrong.header('www-authenticate'), /error="invalid_token"/);
      assert.equal(wrong.json().error, 'invalid_token');
      assert.match(wrong.header('access-control-expose-headers'), /WWW-Authenticate/i);

      const narrow = await refused(403, await here.ask('GET', '/orders/1', [bearer('other')]));
      assert.match(narrow.header('www-authenticate'), /error="insufficient_scope".*scope="read:orders"/);
      assert.equal(narrow.json().error, 'insufficient_scope');
    });

    test('other refusals keep their status', async () => {
      const token = bearer('read:orders write:orders');
      const method = await refused(405, await here.ask('DELETE', '/orders/1', [token]));
      assert.deepEqual(method.header('allow').split(/, */).sort(), ['GET', 'HEAD', 'POST']);
      await refused(404, await here.ask('GET', '/nowhere', [token]));
      await refused(400, await here.ask('GET', '/orders/1;x', [token]));
      await refused(400, await here.ask('GET', '/orders/1', [token, bearer('read:orders')]));
      const head = await refused(401, await here.ask('HEAD', '/orders/1'));
      assert.equal(head.body, '');
    });

    test('a proof counts for the original method and URI, once', async () => {
      const client = holder();
      const token = here.issuer.token('read:orders', { cnf: client.confirmation });
      const send = (proof) => here.ask('GET', '/orders/1', [`Authorization: DPoP ${token}`, `DPoP: ${proof}`]);
      const good = client.proof('GET', `${api}/orders/1`, token);
      assert.equal((await send(good)).status, 200);
      const [request] = seen();
      assert.deepEqual(values(request, 'x-auth-subject'), ['alice']);
      assert.deepEqual(values(request, 'dpop'), [], 'the proof reached the upstream');
      const again = await refused(401, await send(good));
      assert.match(again.header('www-authenticate'), /DPoP .*error="invalid_dpop_proof"/);
      for (const [method, target] of [['GET', '/orders/2'], ['POST', '/orders/1'], ['GET', '/check']]) {
        await refused(401, await send(client.proof(method, `${api}${target}`, token)));
      }
      const plain = await here.ask('GET', '/orders/1', [`Authorization: Bearer ${token}`]);
      await refused(401, plain);
    });

    test('nobody else says who asks, nor for what', async () => {
      const token = bearer('read:orders');
      const forged = ['X-Auth-Subject', 'x-auth-client', 'X_Auth_Subject', 'X-Auth_Scope', 'x_auth_client',
        'X-HTTP-Method-Override', 'X_Http_Method_Override', 'X-Rewrite-URL', 'X_Forwarded_For'];
      for (const header of forged) {
        for (const [target, lines] of [['/orders/1', [token]], ['/public/a', []]]) {
          const answer = await here.ask('GET', target, [`${header}: forged`, ...lines]);
          assert.ok([200, 400].includes(answer.status), answer.text);
          for (const request of seen()) {
            assert.ok(!request.headers.includes('forged'), `${header}: ${request.headers}`);
          }
        }
      }
      // The headers in which the proxy asks.
      const asking = ['Method: GET', 'Uri: /public/a', 'URI: /public/a', 'Host: other.example', 'Proto: gopher'];
      for (const line of ['Original', 'Forwarded'].flatMap((way) => asking.map((rest) => `X-${way}-${rest}`))) {
        await refused(401, await here.ask('GET', '/orders/1', [line]));
      }
      await refused(401, await here.ask('GET', '/orders/1', ['Connection: Authorization, X-Original-URI']));
      // What a connection is told to drop is not the identity.
      const dropping = ['GET /orders/1 HTTP/1.1', 'Host: api.example.com', token,
        'Connection: close, X-Auth-Subject, X-Auth-Scope', '', ''];
      await here.send(dropping.join('\r\n'));
      for (const request of seen()) {
        assert.deepEqual(values(request, 'x-auth-subject'), ['alice']);
        assert.doesNotMatch(values(request, 'connection').join(), /x-auth/i);
      }
    });

    test('no spelling of a protected path gets it without a token', async () => {
      const all = spellings();
      assert.ok(all.length > 500 && all.filter(isProtected).length > 300);
      const queue = [...all];
      const work = async () => {
        for (let target; (target = queue.pop()) !== undefined; ) {
          await here.send(`GET ${target} HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n`);
        }
      };
      await Promise.all(Array.from({ length: 48 }, work));
      const reached = seen();
      assert.deepEqual(reached.map(({ target }) => target).filter(isProtected), []);
    });

    test('streams and WebSockets are as they were', async () => {
      const head = 'Host: api.example.com\r\n';
      const events = await conversation(here.port, `GET /public/events HTTP/1.1\r\n${head}\r\n`);
      await events.heard(/data: first/);
      assert.equal((await here.ask('GET', '/public/read')).status, 200);
      await events.heard(/data: second/);
      events.end();

      const upgrade = `${head}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n`
        + 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
      const socket = await conversation(here.port,
        `GET /orders/socket HTTP/1.1\r\n${upgrade}${bearer('read:orders')}\r\n\r\n`);
      await socket.heard(/ 101 [\s\S]*\r\n\r\n/);
      socket.say('\x81\x05hello');
      await socket.heard(/\x81\x05hello/);
      socket.end();
      seen();
      const without = await conversation(here.port, `GET /orders/socket HTTP/1.1\r\n${upgrade}\r\n`);
      await without.heard(/ 401 /);
      without.end();
      assert.deepEqual(seen(), []);
    });

    test('nothing passes while the gateway does not answer', async () => {
      await here.gateway.stop();
      for (const target of ['/orders/1', '/public/a']) {
        const answer = await here.ask('GET', target, [bearer('read:orders')]);
        assert.ok([500, 502, 503].includes(answer.status), answer.text);
        assert.deepEqual(seen(), []);
      }
    });
  });
}
