// A user without a screen: signs in and consents by the pages' forms, as a browser would.
import { form } from '../bailiwick.mjs';

export function user(username, password) {
  const cookies = new Map();

  async function open(url, init = {}) {
    const response = await fetch(url, {
      redirect: 'manual', ...init,
      headers: {
        cookie: [...cookies].map((pair) => pair.join('=')).join('; '),
        origin: new URL(url).origin, ...init.headers,
      },
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = cookie.match(/^([^=]+)=([^;]*)/);
      cookies.set(name, value);
    }
    return response;
  }

  return {
    /** Begins at an authorization request; ends at the redirect to the client, which is returned. */
    async authorize(url, redirectUri) {
      let at = new URL(url);
      let response = await open(at);
      for (let step = 0; step < 8; step++) {
        const location = response.headers.get('location');
        if (location?.startsWith(redirectUri)) return new URL(location);
        if (location) {
          at = new URL(location, at);
          response = await open(at);
          continue;
        }
        const page = await response.text();
        if (response.status >= 400) throw new Error(`${response.status}: ${page}`);
        const { action, fields } = form(page);
        if (fields.has('password')) {
          fields.set('username', username);
          fields.set('password', password);
        }
        at = new URL(action || at, at);
        response = await open(at, {
          method: 'POST', body: fields.toString(),
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        });
      }
      throw new Error('no end to the pages');
    },
  };
}
