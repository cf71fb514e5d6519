//! Nothing that a stranger sends is our fault: no answer is a 5xx.

use axum::body::Body;
use http::Request;

use super::browser::{Browser, ticket};
use super::server::Server;

const ENDPOINTS: [&str; 9] = [
    "/authorize",
    "/login",
    "/consent",
    "/token",
    "/introspect",
    "/revoke",
    "/userinfo",
    "/jwks",
    "/common/oauth2/token",
];

const NAMES: [&str; 20] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "resource",
    "audience",
    "state",
    "code_challenge",
    "code_challenge_method",
    "grant_type",
    "code",
    "refresh_token",
    "code_verifier",
    "token",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "interaction",
    "decision",
    "permission",
];

const VALUES: [&str; 24] = [
    "",
    "shop",
    "warehouse",
    "code",
    "authorization_code",
    "refresh_token",
    "client_credentials",
    "https%3A%2F%2Fshop.example.com%2Fcb",
    "https%3A%2F%2Fapi.example.com",
    "%00",
    "%ff",
    "%",
    "%zz",
    "%F0%9F%98%80",
    "openid%20read",
    "a.b.c",
    "eyJhbGciOiJub25lIn0.e30.",
    "__proto__",
    "S256",
    "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer",
    "https%3A%2F%2F%5B%3A%3A1",
    "%22%3E%3Cscript%3E",
    "accept",
    "-1",
];

/// A small generator with a seed: the same garbage each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }

    fn form(&mut self) -> String {
        let pairs = (0..self.below(9))
            .map(|_| format!("{}={}", self.one(&NAMES), self.one(&VALUES)))
            .collect::<Vec<_>>();
        pairs.join("&")
    }
}

#[tokio::test]
async fn garbage_is_the_senders_fault() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let page = browser.authorize(&[("scope", "openid")]).await;
    let ticket = ticket(&page);
    let cookies: Vec<_> = browser.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for round in 0..3000 {
        let path = dice.one(&ENDPOINTS);
        let mut form = dice.form();
        if dice.below(3) == 0 {
            form = format!("{form}&interaction={ticket}");
        }
        let is_query = dice.below(3) == 0;
        let uri = if is_query { format!("{path}?{form}") } else { path.to_owned() };
        let mut request = Request::builder()
            .method(dice.one(&["GET", "POST", "POST", "PUT", "OPTIONS", "HEAD"]))
            .uri(uri)
            .header("cookie", dice.one(&["", ";;=;", "a=b; =", &cookies.join("; ")]));
        if dice.below(4) > 0 {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        if dice.below(3) == 0 {
            let header = dice.one(&[
                "Basic",
                "Basic !!",
                "Basic Og==",
                "Basic JWZmOmE=",
                "Bearer",
                "Bearer a.b.c",
                "Bearer eyJhbGciOiJub25lIn0.e30.",
                "Digest x",
                " ",
                "Basic d2FyZWhvdXNlOng=",
            ]);
            request = request.header("authorization", header);
        }
        let answer = server.send(request.body(Body::from(form.clone())).unwrap()).await;
        assert!(answer.status.as_u16() < 500, "round {round}: {path} {form}: {}", answer.body);
    }
}
