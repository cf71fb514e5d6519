//! The client's side of the authorization endpoint (RFC 6749 §4.1.1, §4.1.2; RFC 7636 §4.3;
//! RFC 8707 §2.1; RFC 9207 §2.4).

use aws_lc_rs::rand;
use bailiwick_jose::{base64url, digest};
use bailiwick_oauth::{ClientId, CodeVerifier, Form, RedirectUri, Scopes, Secret, form};

use crate::ClientError;

/// What to ask of the user.
#[derive(Debug, Clone)]
pub struct AuthorizationRequest {
    /// Where the answer shall go.
    pub redirect_uri: RedirectUri,
    /// The scopes.
    pub scope: Option<Scopes>,
    /// The resources; sent as they are (RFC 8707 §2).
    pub resources: Vec<String>,
    /// A state of one's own; a random one when absent.
    pub state: Option<String>,
    /// The nonce for the ID token (OpenID Connect Core §3.1.2.1).
    pub nonce: Option<String>,
    /// What the user shall be asked: `none`, `login`, `consent` (OpenID Connect Core §3.1.2.1).
    pub prompt: Option<String>,
    /// Further parameters, such as `login_hint` and `max_age`.
    pub further: Vec<(String, String)>,
}

impl AuthorizationRequest {
    /// A request for nothing yet.
    pub fn new(redirect_uri: RedirectUri) -> Self {
        Self {
            redirect_uri,
            scope: None,
            resources: Vec::new(),
            state: None,
            nonce: None,
            prompt: None,
            further: Vec::new(),
        }
    }
}

/// A flow that began: what to open, and what must be kept until the answer comes.
#[derive(Debug)]
pub struct Started {
    /// The URL to open in a browser.
    pub url: String,
    /// The state that the answer must carry.
    pub state: Secret,
    /// The PKCE verifier for the token request.
    pub verifier: CodeVerifier,
    /// Where the answer goes; the token request repeats it.
    pub redirect_uri: RedirectUri,
    issuer: String,
    /// Whether the issuer announced to say who it is in its answers (RFC 9207 §3).
    says_issuer: bool,
}

/// Who asks, and whom.
pub(crate) struct Parties<'p> {
    pub(crate) endpoint: &'p str,
    pub(crate) issuer: &'p str,
    pub(crate) says_issuer: bool,
    pub(crate) client_id: &'p ClientId,
}

pub(crate) fn start(
    parties: &Parties<'_>,
    request: AuthorizationRequest,
) -> Result<Started, ClientError> {
    let verifier = CodeVerifier::parse(&random()?).map_err(|_| ClientError::Randomness)?; // RFC 7636 §4.1
    let challenge = verifier.challenge();
    let state = match request.state {
        Some(state) => state,
        None => random()?,
    };
    let scope = request.scope.map(|scope| scope.to_string());
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", parties.client_id.as_str()),
        ("redirect_uri", request.redirect_uri.as_str()),
        ("state", &state),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let optional = [("scope", &scope), ("nonce", &request.nonce), ("prompt", &request.prompt)];
    pairs.extend(optional.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))));
    pairs.extend(request.resources.iter().map(|resource| ("resource", resource.as_str())));
    pairs.extend(request.further.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let separator = if parties.endpoint.contains('?') { '&' } else { '?' };
    Ok(Started {
        url: format!("{}{separator}{}", parties.endpoint, form::encode(pairs)),
        state: Secret::new(state),
        verifier,
        redirect_uri: request.redirect_uri,
        issuer: parties.issuer.to_owned(),
        says_issuer: parties.says_issuer,
    })
}

impl Started {
    /// Reads the answer, given as the URL that the browser was sent to or as its query, and takes
    /// the code out of it.
    ///
    /// # Errors
    /// When it is not the answer to this request or not of this issuer, and when it is a refusal.
    pub fn callback(&self, url_or_query: &str) -> Result<Secret, ClientError> {
        let malformed = |why: String| ClientError::Malformed { endpoint: ENDPOINT, why };
        let form = Form::parse(query(url_or_query)).map_err(|why| malformed(why.to_string()))?;
        let one = |name| form.one(name).map_err(|why| malformed(why.to_string()));

        // Before anything else is believed, an error included.
        let state = one("state")?.unwrap_or_default();
        if !digest::equal(state.as_bytes(), self.state.expose().as_bytes()) {
            return Err(ClientError::State);
        }
        match one("iss")? {
            Some(issuer) if issuer == self.issuer => {}
            None if !self.says_issuer => {}
            _ => return Err(ClientError::Issuer { expected: self.issuer.clone() }),
        }
        if let Some(error) = one("error")? {
            let description = one("error_description")?.map(str::to_owned);
            return Err(ClientError::Refused {
                error: error.to_owned(),
                description,
                status: None,
            });
        }
        one("code")?.map(Secret::new).ok_or_else(|| malformed("it has no code".to_owned()))
    }
}

const ENDPOINT: &str = "authorization endpoint";

/// The query of a URL; of a query, all of it.
fn query(text: &str) -> &str {
    let text = text.split('#').next().unwrap_or(text);
    let head = &text[..text.find(['?', '=', '&']).unwrap_or(text.len())];
    let is_url = head.is_empty() || head.contains('/');
    match text.split_once('?') {
        Some((_, query)) if is_url => query,
        _ => text,
    }
}

/// 256 random bits in base64url.
fn random() -> Result<String, ClientError> {
    let mut octets = [0; 32];
    rand::fill(&mut octets).map_err(|_| ClientError::Randomness)?;
    Ok(base64url::encode(&octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(says_issuer: bool) -> Started {
        let id = ClientId::parse("shop").unwrap();
        let parties = Parties {
            endpoint: "https://id.example/authorize?tenant=1",
            issuer: "https://id.example",
            says_issuer,
            client_id: &id,
        };
        let redirect_uri = RedirectUri::parse("https://shop.example/cb").unwrap();
        let mut request = AuthorizationRequest::new(redirect_uri);
        request.scope = Some(Scopes::parse("openid read").unwrap());
        request.resources = vec!["https://a.example".into(), "https://b.example/x y".into()];
        request.state = Some("s1".to_owned());
        start(&parties, request).unwrap()
    }

    #[test]
    fn each_parameter_stands_in_the_url() {
        let started = started(true);
        let (endpoint, query) = started.url.split_once('?').unwrap();
        assert_eq!(endpoint, "https://id.example/authorize");
        let form = Form::parse(query).unwrap();
        for (name, value) in [
            ("tenant", "1"),
            ("response_type", "code"),
            ("client_id", "shop"),
            ("redirect_uri", "https://shop.example/cb"),
            ("state", "s1"),
            ("scope", "openid read"),
            ("code_challenge", started.verifier.challenge().as_str()),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(form.all(name).collect::<Vec<_>>(), [value]);
        }
        let resources: Vec<_> = form.all("resource").collect();
        assert_eq!(resources, ["https://a.example", "https://b.example/x y"]);
        assert!(!form.names("nonce") && !form.names("prompt"));
    }

    #[test]
    fn each_flow_has_a_state_and_a_verifier_of_its_own() {
        let id = ClientId::parse("shop").unwrap();
        let parties = Parties {
            endpoint: "https://i",
            issuer: "https://i",
            says_issuer: false,
            client_id: &id,
        };
        let begin = || {
            let uri = RedirectUri::parse("https://shop.example/cb").unwrap();
            start(&parties, AuthorizationRequest::new(uri)).unwrap()
        };
        let (one, other) = (begin(), begin());
        assert_ne!(one.state.expose(), other.state.expose());
        assert_ne!(one.verifier.expose(), other.verifier.expose());
        assert_eq!(one.state.expose().len(), 43);
        assert!(!format!("{one:?}").contains(one.verifier.expose()));
    }

    fn verdict(says_issuer: bool, answer: &str) -> String {
        match started(says_issuer).callback(answer) {
            Ok(code) => code.expose().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_code_is_taken_from_a_url_or_its_query() {
        for answer in [
            "state=s1&code=c1",
            "?state=s1&code=c1",
            "/cb?state=s1&code=c1#_=_",
            "https://shop.example/cb?state=s1&code=c1",
            "com.example.app:/cb?state=s1&code=c1",
            "code=c1&state=s1&session=a?b",
        ] {
            assert_eq!(verdict(false, answer), "c1", "{answer}");
        }
    }

    #[test]
    fn an_answer_to_another_request_is_refused() {
        for answer in ["code=c1", "state=s2&code=c1", "state=&code=c1", "error=access_denied", ""] {
            assert!(verdict(false, answer).contains("state is not"), "{answer}");
        }
        assert!(verdict(false, "state=s1&state=s1&code=c1").contains("more than once"));
        assert!(verdict(false, "state=s1&code=c1&code=c2").contains("more than once"));
        assert!(verdict(false, "state=s1").contains("no code"));
    }

    //= https://www.rfc-editor.org/rfc/rfc9207#section-2.4
    //= type=test
    //# If the value does not match the expected issuer identifier, clients
    //# MUST reject the authorization response and MUST NOT proceed with the
    //# authorization grant.
    #[test]
    fn an_answer_of_another_issuer_is_refused() {
        assert_eq!(verdict(true, "state=s1&code=c1&iss=https%3A%2F%2Fid.example"), "c1");
        assert_eq!(verdict(false, "state=s1&code=c1&iss=https%3A%2F%2Fid.example"), "c1");
        for (says_issuer, answer) in [
            (true, "state=s1&code=c1"),
            (true, "state=s1&error=access_denied"),
            (true, "state=s1&code=c1&iss=https%3A%2F%2Fid.example%2F"),
            (false, "state=s1&code=c1&iss=https%3A%2F%2Fevil.example"),
        ] {
            assert!(verdict(says_issuer, answer).contains("another issuer"), "{answer}");
        }
    }

    #[test]
    fn a_refusal_is_told_as_it_was_sent() {
        let answer = "state=s1&error=invalid_target&error_description=no+such%1b%5b31m";
        let refused = started(false).callback(answer).unwrap_err();
        assert_eq!(refused.to_string(), "the server answered invalid_target: no such?[31m");
        let ClientError::Refused { error, description, status } = refused else { panic!() };
        assert_eq!((error.as_str(), status), ("invalid_target", None));
        assert_eq!(description.as_deref(), Some("no such\u{1b}[31m"));
    }
}
