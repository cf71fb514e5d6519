//! The six worked examples, over HTTP: authorize with login and consent, token, refresh, call.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bailiwick_jose::base64url;
use bailiwick_oauth::{CodeVerifier, form};
use http::Method;

use super::browser::{Browser, Page};
use super::{Failure, Places};

/// The API of the first examples.
pub(super) const EXAMPLE: &str = "https://api.example.com";
/// The other API of the first examples.
pub(super) const ANOTHER: &str = "https://api.another.com";
/// The API that a qualified scope names.
pub(super) const QUALIFIED: &str = "https://api.example.com/orders";
/// The API of the Microsoft v1 form.
pub(super) const GRAPH: &str = "https://graph.example.com";
/// The client of the walk, and the address that its users are sent back to.
pub(super) const CLIENT: &str = "walk";
/// Where nobody listens: the walk reads the address and stops there.
pub(super) const REDIRECT: &str = "http://127.0.0.1/callback";
/// The demonstration's user and its password.
pub(super) const USER: (&str, &str) = ("ada", "correct horse battery staple");

/// How the walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Every step was as expected.
    AsExpected,
    /// So many steps differed.
    Differs(usize),
}

/// Walks through all examples and prints each; differences are counted, not fatal.
pub(super) async fn walk(
    places: &Places,
    out: &mut impl std::io::Write,
) -> Result<Verdict, Failure> {
    let mut walk = Walk { places, browser: Browser::default(), out, differences: 0 };
    walk.registered()?;
    walk.one_resource().await?;
    walk.two_resources().await?;
    walk.qualified_scope().await?;
    walk.orders().await?;
    walk.drive().await?;
    walk.microsoft().await?;
    match walk.differences {
        0 => Ok(Verdict::AsExpected),
        differences => Ok(Verdict::Differs(differences)),
    }
}

struct Walk<'a, W> {
    places: &'a Places,
    browser: Browser,
    out: &'a mut W,
    differences: usize,
}

/// What a token request got: for whom, and which scopes.
struct Got {
    token: String,
    refresh: String,
    resource: String,
    scope: String,
}

impl<W: std::io::Write> Walk<'_, W> {
    fn registered(&mut self) -> Result<(), Failure> {
        writeln!(self.out, "Registered: these APIs, each with scopes of its own")?;
        let rows = [
            (EXAMPLE, "read write"),
            (ANOTHER, "read delete"),
            (QUALIFIED, "read"),
            (GRAPH, "User.Read Mail.Read"),
            (self.places.orders.as_str(), "read:orders write:orders"),
            (self.places.drive.as_str(), "read:files write:files"),
        ];
        let rows: Vec<_> = rows.iter().map(|(r, s)| ((*r).to_owned(), (*s).to_owned())).collect();
        self.table(&rows)
    }

    async fn one_resource(&mut self) -> Result<(), Failure> {
        self.heading(1, "four scopes: three global ones, and read on one API")?;
        let code = self.authorize("openid profile email read", &[EXAMPLE]).await?;
        let first = self.redeem(&code, Some(EXAMPLE)).await?;
        let global = self.refresh(&first, None).await?;
        self.expect(&[&global, &first], &[("", "openid profile email"), (EXAMPLE, "read")])
    }

    async fn two_resources(&mut self) -> Result<(), Failure> {
        self.heading(2, "seven scopes: the product of scopes and APIs, kept where defined")?;
        let scope = "openid profile email read write delete";
        let code = self.authorize(scope, &[EXAMPLE, ANOTHER]).await?;
        let first = self.redeem(&code, Some(EXAMPLE)).await?;
        let second = self.refresh(&first, Some(ANOTHER)).await?;
        let global = self.refresh(&second, None).await?;
        let expected =
            [("", "openid profile email"), (EXAMPLE, "read write"), (ANOTHER, "read delete")];
        self.expect(&[&global, &first, &second], &expected)?;

        self.heading(3, "one token, one audience: the code, then the refresh token for the other")?;
        let audience = |got: &Got| (claim(&got.token, "aud"), claim(&got.token, "scope"));
        let (aud, scope) = audience(&first);
        self.check(
            "code redeemed with resource",
            &format!("{aud}: {scope}"),
            &format!("{EXAMPLE}: read write"),
        )?;
        let (aud, scope) = audience(&second);
        self.check(
            "refreshed with the other",
            &format!("{aud}: {scope}"),
            &format!("{ANOTHER}: read delete"),
        )?;
        let (_, scope) = audience(&global);
        self.check("refreshed without", &scope, "openid profile email")?;
        let again = self.redeem_raw(&code, Some(EXAMPLE)).await?;
        self.check("the code once more", &outcome(&again), "400 invalid_grant")
    }

    async fn qualified_scope(&mut self) -> Result<(), Failure> {
        self.heading(4, "a qualified scope names its API by itself")?;
        let scope = format!("openid profile email {QUALIFIED}:read");
        let code = self.authorize(&scope, &[]).await?;
        let first = self.redeem(&code, Some(QUALIFIED)).await?;
        let global = self.refresh(&first, None).await?;
        self.expect(&[&global, &first], &[("", "openid profile email"), (QUALIFIED, "read")])
    }

    async fn orders(&mut self) -> Result<(), Failure> {
        self.heading(5, "a shop reads the user's order history (the library)")?;
        let api = self.places.orders.clone();
        let code = self.authorize("read:orders", &[&api]).await?;
        let token = self.redeem(&code, None).await?;
        self.expect(&[&token], &[(&api, "read:orders")])?;
        let other = self.authorize("read write", &[EXAMPLE]).await?;
        let other = self.redeem(&other, None).await?;
        let (url, body) = (format!("{api}/orders"), "{\"item\":\"tea\",\"quantity\":1}");
        let call = self.call(Method::GET, &url, Some(&token.token), "").await?;
        self.check("GET /orders with the token", &call, "200")?;
        let call = self.call(Method::GET, &url, None, "").await?;
        self.check("GET /orders without a token", &call, "401")?;
        let call = self.call(Method::GET, &url, Some(&other.token), "").await?;
        self.check("GET /orders with a token for another API", &call, "401 invalid_token")?;
        let call = self.call(Method::POST, &url, Some(&token.token), body).await?;
        self.check("POST /orders without the scope", &call, "403 insufficient_scope")
    }

    async fn drive(&mut self) -> Result<(), Failure> {
        writeln!(self.out, "   and an API that knows nothing of tokens (the gateway)")?;
        let api = self.places.drive.clone();
        let code = self.authorize("read:files", &[&api]).await?;
        let token = self.redeem(&code, None).await?;
        self.expect(&[&token], &[(&api, "read:files")])?;
        let url = format!("{api}/files");
        let call = self.call(Method::GET, &url, Some(&token.token), "").await?;
        self.check("GET /files with the token", &call, "200")?;
        let call = self.call(Method::GET, &url, None, "").await?;
        self.check("GET /files without a token", &call, "401")?;
        let url = format!("{api}/files/note.txt");
        let call = self.call(Method::PUT, &url, Some(&token.token), "hello").await?;
        self.check("PUT /files/note.txt without the scope", &call, "403 insufficient_scope")
    }

    async fn microsoft(&mut self) -> Result<(), Failure> {
        self.heading(6, "the Microsoft v1 form: resource at its own endpoints")?;
        let begin = format!("{}/common/oauth2/authorize", self.places.issuer);
        let (code, verifier) = self.authorize_at(&begin, "openid profile", &[GRAPH]).await?;
        let token = format!("{}/common/oauth2/token", self.places.issuer);
        let page = self.redeem_at(&token, &(code, verifier), None).await?;
        let got = got(&page)?;
        self.expect(&[&got], &[(GRAPH, "User.Read")])
    }

    async fn authorize(
        &mut self,
        scope: &str,
        resources: &[&str],
    ) -> Result<(String, CodeVerifier), Failure> {
        let begin = format!("{}/authorize", self.places.issuer);
        self.authorize_at(&begin, scope, resources).await
    }

    async fn authorize_at(
        &mut self,
        endpoint: &str,
        scope: &str,
        resources: &[&str],
    ) -> Result<(String, CodeVerifier), Failure> {
        let verifier = CodeVerifier::parse(&random()?)?;
        let (challenge, state) = (verifier.challenge(), random()?);
        let mut query = vec![
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("redirect_uri", REDIRECT),
            ("scope", scope),
            ("state", &state),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        query.extend(resources.iter().map(|resource| ("resource", *resource)));
        let url = format!("{endpoint}?{}", form::encode(query));
        let answer = self.browser.authorize(&url, REDIRECT, USER).await?;
        if answer.get("state") != Some(&state) {
            return Err(Failure::new("the answer to the authorization request has another state"));
        }
        match answer.get("code") {
            Some(code) => Ok((code.clone(), verifier)),
            None => Err(Failure::new(format!("the authorization request was refused: {answer:?}"))),
        }
    }

    async fn redeem(
        &mut self,
        code: &(String, CodeVerifier),
        resource: Option<&str>,
    ) -> Result<Got, Failure> {
        got(&self.redeem_raw(code, resource).await?)
    }

    async fn redeem_raw(
        &mut self,
        code: &(String, CodeVerifier),
        resource: Option<&str>,
    ) -> Result<Page, Failure> {
        let endpoint = format!("{}/token", self.places.issuer);
        self.redeem_at(&endpoint, code, resource).await
    }

    async fn redeem_at(
        &mut self,
        endpoint: &str,
        (code, verifier): &(String, CodeVerifier),
        resource: Option<&str>,
    ) -> Result<Page, Failure> {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("client_id", CLIENT),
            ("redirect_uri", REDIRECT),
            ("code", code),
            ("code_verifier", verifier.expose()),
        ];
        fields.extend(resource.map(|resource| ("resource", resource)));
        self.browser.post(endpoint, &fields).await
    }

    async fn refresh(&mut self, before: &Got, resource: Option<&str>) -> Result<Got, Failure> {
        let mut fields = vec![
            ("grant_type", "refresh_token"),
            ("client_id", CLIENT),
            ("refresh_token", before.refresh.as_str()),
        ];
        fields.extend(resource.map(|resource| ("resource", resource)));
        let endpoint = format!("{}/token", self.places.issuer);
        got(&self.browser.post(&endpoint, &fields).await?)
    }

    async fn call(
        &mut self,
        method: Method,
        url: &str,
        token: Option<&str>,
        body: &str,
    ) -> Result<String, Failure> {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        let page = Browser::default().send(method, url, &headers, body).await?;
        Ok(outcome(&page))
    }

    fn heading(&mut self, number: usize, text: &str) -> Result<(), Failure> {
        Ok(writeln!(self.out, "\n{number}. {text}")?)
    }

    fn expect(&mut self, got: &[&Got], expected: &[(&str, &str)]) -> Result<(), Failure> {
        let got: Vec<(String, String)> =
            got.iter().map(|got| (got.resource.clone(), got.scope.clone())).collect();
        self.table(&got)?;
        let is_same = got.len() == expected.len()
            && got.iter().zip(expected).all(|(got, (resource, scope))| {
                got.0 == *resource && words(&got.1) == words(scope)
            });
        if !is_same {
            self.differences += 1;
            writeln!(self.out, "   DIFFERS; expected {expected:?}")?;
        }
        Ok(())
    }

    fn check(&mut self, what: &str, got: &str, expected: &str) -> Result<(), Failure> {
        let is_same = got == expected;
        let mark = if is_same { "" } else { "   DIFFERS; expected " };
        let expected = if is_same { "" } else { expected };
        self.differences += usize::from(!is_same);
        Ok(writeln!(self.out, "   {what:<42} {got}{mark}{expected}")?)
    }

    fn table(&mut self, rows: &[(String, String)]) -> Result<(), Failure> {
        let width = rows.iter().map(|(resource, _)| resource.len()).max().unwrap_or(0).max(15);
        let mut text = format!("   {:<width$}  scopes\n", "resource server");
        for (resource, scopes) in rows {
            let resource = if resource.is_empty() { "(none: global)" } else { resource };
            writeln!(text, "   {resource:<width$}  {scopes}").ok();
        }
        Ok(write!(self.out, "{text}")?)
    }
}

fn got(page: &Page) -> Result<Got, Failure> {
    if !page.status.is_success() {
        let text = format!("the token request was refused: {} {}", page.status, page.body);
        return Err(Failure::new(text));
    }
    Ok(Got {
        token: page.member("access_token"),
        refresh: page.member("refresh_token"),
        resource: page.member("resource"),
        scope: page.member("scope"),
    })
}

/// The status, and the error code where there is one.
fn outcome(page: &Page) -> String {
    let challenge = page.header("www-authenticate");
    let error = match page.member("error") {
        error if !error.is_empty() && !challenge.is_empty() && !challenge.contains("error=") => {
            String::new() // a bare challenge: nothing was presented (RFC 6750 §3.1)
        }
        error => error,
    };
    format!("{} {error}", page.status.as_u16()).trim_end().to_owned()
}

/// A claim of our own token, to be shown: verifying it is the API's work.
fn claim(token: &str, name: &str) -> String {
    let payload = token.split('.').nth(1).and_then(|part| base64url::decode(part).ok());
    let claims: BTreeMap<String, serde_json::Value> =
        payload.and_then(|payload| serde_json::from_slice(&payload).ok()).unwrap_or_default();
    claims.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

fn words(text: &str) -> std::collections::BTreeSet<&str> {
    text.split(' ').filter(|word| !word.is_empty()).collect()
}

fn random() -> Result<String, Failure> {
    let mut octets = [0; 32];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| Failure::new("no randomness"))?;
    Ok(base64url::encode(&octets))
}
