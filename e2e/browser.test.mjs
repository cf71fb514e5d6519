// Login and consent in a real browser, the code redeemed by a client that nobody here wrote,
// and the token used at the example APIs.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import * as oauth from 'oauth4webapi';
import { chromium } from 'playwright-core';
import { binary, start, temporaryFolder } from './bailiwick.mjs';

const insecure = { [oauth.allowInsecureRequests]: true };
const pictures = process.env.BAILIWICK_PICTURES;
const temporary = temporaryFolder();
let browser, server, dev, callback;

before(async () => {
  server = await start(['dev', '--folder', temporary.folder], /stays up/);
  dev = JSON.parse(readFileSync(path.join(temporary.folder, 'dev.json'), 'utf8'));
  callback = createServer((request, response) => response.end('signed in'));
  await new Promise((resolve) => callback.listen(0, '127.0.0.1', resolve));
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--no-first-run'],
  });
});

after(async () => {
  await browser?.close();
  callback?.close();
  await server?.stop();
  temporary.remove();
});

async function picture(page, name) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: true });
}

async function fitsAPhone(page) {
  const [content, screen] = await page.evaluate(() =>
    [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(content <= screen, `the page is ${content} wide on a screen of ${screen}`);
}

/** Begins at a client of a real library; ends at its callback. */
async function authorize({ scope, resources, javaScript, untick = [], answer = 'accept' }) {
  const issuer = new URL(dev.issuer);
  const as = await oauth.processDiscoveryResponse(
    issuer, await oauth.discoveryRequest(issuer, { ...insecure, algorithm: 'oauth2' }));
  const client = { client_id: dev.client_id };
  const redirect_uri = `http://127.0.0.1:${callback.address().port}/callback`;
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(as.authorization_endpoint);
  for (const [name, value] of Object.entries({
    client_id: client.client_id, redirect_uri, response_type: 'code', scope, state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  })) url.searchParams.set(name, value);
  for (const resource of resources) url.searchParams.append('resource', resource);

  const context = await browser.newContext({
    viewport: { width: 390, height: 844 }, javaScriptEnabled: javaScript,
  });
  try {
    const page = await context.newPage();
    await page.goto(url.href);
    if (javaScript) await fitsAPhone(page);
    await picture(page, 'login');
    await page.getByLabel(/user ?name/i).fill(dev.username);
    await page.getByLabel(/password/i).fill('wrong password');
    await page.locator('button[type=submit], form button').first().click();
    await picture(page, 'login-refused');
    await page.getByLabel(/user ?name/i).fill(dev.username);
    await page.getByLabel(/password/i).fill(dev.password);
    await page.locator('button[type=submit], form button').first().click();
    await picture(page, 'consent');
    if (javaScript) await fitsAPhone(page);
    const text = await page.locator('body').innerText();
    for (const label of untick) await page.getByLabel(label).uncheck();
    await page.locator(`button[value=${answer}]`).click();
    await page.waitForURL(`${redirect_uri}**`);
    return { as, client, redirect_uri, verifier, state, text, reached: new URL(page.url()) };
  } finally {
    await context.close();
  }
}

async function redeem(flow, resource) {
  const { as, client, reached, state, redirect_uri, verifier } = flow;
  const parameters = oauth.validateAuthResponse(as, client, reached, state);
  const response = await oauth.authorizationCodeGrantRequest(
    as, client, oauth.None(), parameters, redirect_uri, verifier,
    { ...insecure, additionalParameters: resource ? { resource } : {} });
  return oauth.processAuthorizationCodeResponse(as, client, response);
}

for (const javaScript of [true, false]) {
  test(`a user signs in and consents, ${javaScript ? 'with' : 'without'} JavaScript`, async () => {
    const flow = await authorize({
      scope: 'openid profile email read:orders write:orders',
      resources: [dev.orders], javaScript, untick: [/write:orders|place/i],
    });
    assert.match(flow.text, /Orders/);
    const tokens = await redeem(flow, dev.orders);
    assert.equal(tokens.scope, 'read:orders');
    assert.equal(tokens.resource, dev.orders);
    const call = (init) => fetch(`${dev.orders}/orders`, init);
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    assert.equal((await call({ headers })).status, 200);
    assert.equal((await call({})).status, 401);
    const refused = await call({
      method: 'POST', headers: { ...headers, 'content-type': 'application/json' },
      body: '{"item":"tea","quantity":1}',
    });
    assert.equal(refused.status, 403);
    assert.match(refused.headers.get('www-authenticate'), /insufficient_scope/);
  });
}

test('a refresh token fetches tokens for the other resources', async () => {
  const flow = await authorize({
    scope: 'openid read:orders read:files', resources: [dev.orders, dev.drive], javaScript: true,
  });
  const first = await redeem(flow, dev.orders);
  const refresh = async (token, resource) => oauth.processRefreshTokenResponse(
    flow.as, flow.client, await oauth.refreshTokenGrantRequest(
      flow.as, flow.client, oauth.None(), token, { ...insecure, additionalParameters: { resource } }));
  const second = await refresh(first.refresh_token, dev.drive);
  assert.equal(second.scope, 'read:files');
  const status = async (url, token) =>
    (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status;
  assert.equal(await status(`${dev.drive}/files`, second.access_token), 200);
  assert.equal(await status(`${dev.drive}/files`, first.access_token), 401);
  assert.equal(await status(`${dev.orders}/orders`, second.access_token), 401);
});

test('the token command gets a token through the browser', async () => {
  const child = spawn(binary, ['token', '--issuer', dev.issuer, '--client-id', dev.client_id,
    '--resource', dev.orders, '--scope', 'read:orders', '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let [printed, said] = ['', ''];
  child.stdout.on('data', (chunk) => (printed += chunk));
  const url = await new Promise((resolve, reject) => {
    child.stderr.on('data', (chunk) => {
      said += chunk;
      const found = said.match(/http:\S+\/authorize\?\S+/);
      if (found) resolve(found[0]);
    });
    exited.then((code) => reject(new Error(`ended with ${code}: ${said}`)));
  });
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  await page.getByLabel(/user ?name/i).fill(dev.username);
  await page.getByLabel(/password/i).fill(dev.password);
  await page.locator('form button').first().click();
  await page.locator('button[value=accept]').click();
  assert.equal(await exited, 0, said);
  await context.close();
  const tokens = JSON.parse(printed);
  assert.equal(tokens.scope, 'read:orders');
  assert.equal(tokens.resource, dev.orders);
});

test('a user who says no sends the client away with access_denied', async () => {
  const flow = await authorize({
    scope: 'read:orders', resources: [dev.orders], javaScript: true, answer: 'deny',
  });
  assert.equal(flow.reached.searchParams.get('error'), 'access_denied');
  assert.equal(flow.reached.searchParams.get('iss'), dev.issuer);
});

test('an unregistered redirect URI is shown, not followed', async () => {
  const page = await browser.newPage();
  const answer = await page.goto(
    `${dev.issuer}/authorize?client_id=${dev.client_id}&response_type=code&redirect_uri=https://evil.example/`);
  assert.equal(answer.status(), 400);
  assert.equal(new URL(page.url()).origin, dev.issuer);
  await picture(page, 'error');
  await page.close();
});
