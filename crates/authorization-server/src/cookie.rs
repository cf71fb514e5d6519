//! The browser's cookies: the session, and the secret that binds interactions to one browser
//! (RFC 6265, RFC 9700 §4.7).

use bailiwick_grant::Entropy;
use bailiwick_jose::{base64url, digest};
use bailiwick_oauth::{Issuer, Secret};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use axum::response::Response;

/// The names of the cookies: of one issuer only, so that two on one host do not share them.
#[derive(Debug, Clone)]
pub(crate) struct Cookies {
    session: String,
    browser: String,
    attributes: &'static str,
}

/// The secrets that a browser sent.
#[derive(Debug, Default)]
pub(crate) struct Jar {
    /// Its login.
    pub(crate) session: Option<Secret>,
    /// What its interactions are bound to.
    pub(crate) browser: Option<Secret>,
}

impl Cookies {
    pub(crate) fn new(issuer: &Issuer) -> Self {
        let tag = base64url::encode(&digest::sha256(issuer.as_str().as_bytes())[..6]);
        // With the prefix no other host, no plain http and no path can plant the cookie
        // (RFC 6265bis §4.1.3.2); plain http is for loopback alone.
        let (prefix, attributes) = if issuer.as_str().starts_with("https:") {
            ("__Host-", "; Path=/; HttpOnly; SameSite=Lax; Secure")
        } else {
            ("", "; Path=/; HttpOnly; SameSite=Lax")
        };
        Self {
            session: format!("{prefix}bailiwick-session-{tag}"),
            browser: format!("{prefix}bailiwick-browser-{tag}"),
            attributes,
        }
    }

    /// Reads what the browser sent; what is not of our making counts as absent.
    pub(crate) fn read(&self, headers: &HeaderMap) -> Jar {
        Jar { session: one(headers, &self.session), browser: one(headers, &self.browser) }
    }

    /// Signs the browser in.
    pub(crate) fn set_session(&self, response: &mut Response, session: &Secret, lifetime: i64) {
        self.set(response, &self.session, session.expose(), Some(lifetime));
    }

    /// Signs the browser out.
    pub(crate) fn clear_session(&self, response: &mut Response) {
        self.set(response, &self.session, "", Some(0));
    }

    /// Binds interactions to this browser, until it is closed.
    pub(crate) fn set_browser(&self, response: &mut Response, browser: &Secret) {
        self.set(response, &self.browser, browser.expose(), None);
    }

    fn set(&self, response: &mut Response, name: &str, value: &str, lifetime: Option<i64>) {
        let age = lifetime.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let cookie = format!("{name}={value}{}{age}", self.attributes);
        if let Ok(mut value) = HeaderValue::from_str(&cookie) {
            value.set_sensitive(true);
            response.headers_mut().append(SET_COOKIE, value);
        }
    }
}

/// A fresh secret of 256 bits.
pub(crate) fn fresh(entropy: &mut dyn Entropy) -> Secret {
    Secret::new(base64url::encode(&entropy.draw()))
}

fn one(headers: &HeaderMap, name: &str) -> Option<Secret> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, value)| *known == name && is_ours(value))
        .map(|(_, value)| Secret::new(value))
}

/// Whether a value has the form of [`fresh`].
pub(crate) fn is_ours(value: &str) -> bool {
    value.len() == 43 && value.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c))
}
