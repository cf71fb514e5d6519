//! An API that trusts one provider, and the verdicts that it comes to.

use bailiwick_guard::profile::ProviderError;
use bailiwick_guard::{
    Admission, Audience, Authentic, Binding, Facts, Implied, Keys, Moment, Permit, Presented,
    Provider, Request, Rule, Sender, Stop, Trusted, Want, opaque,
};
use bailiwick_oauth::introspect::Received;
use bailiwick_oauth::{ClientId, Resource};
use http::Method;
use serde_json::Value;

use crate::token::Token;

/// When all fixtures are good, in seconds since 1970.
pub(crate) const NOW: i64 = 1_700_000_000;

/// The API, as those fixtures have it whose provider lets it have a name.
pub(crate) const API: &str = "https://api.example.com/orders";

pub(crate) struct World {
    provider: Provider,
    audience: Audience,
    owner: Option<String>,
}

impl World {
    /// The API, known to its provider as `also` too.
    pub(crate) fn new(provider: Result<Provider, ProviderError>, also: &[&str]) -> Self {
        let also = also.iter().map(|one| (*one).to_owned()).collect();
        let audience = Audience { also, ..Audience::new(Resource::parse(API).unwrap()) };
        Self { provider: provider.unwrap(), audience, owner: None }
    }

    /// With these clients to itself.
    pub(crate) fn own_clients(mut self, clients: &[&str]) -> Self {
        let own = clients.iter().map(|id| ClientId::parse(id).unwrap());
        self.audience.own_clients = own.collect();
        self
    }

    /// With keys that are said to be of this issuer.
    pub(crate) fn keys_of(mut self, owner: &str) -> Self {
        self.owner = Some(owner.to_owned());
        self
    }

    pub(crate) fn provider(&self) -> &Provider {
        &self.provider
    }

    /// A token passes.
    #[track_caller]
    pub(crate) fn passes(&self, token: &Token) -> Permit {
        self.verdict(&token.signed(), token, NOW).unwrap()
    }

    /// A token is refused, with this code.
    #[track_caller]
    pub(crate) fn refuses(&self, token: &Token, code: &str) {
        self.refuses_text(&token.signed(), token, code);
    }

    /// A text is refused, given the keys that fit the token it was made from.
    #[track_caller]
    pub(crate) fn refuses_text(&self, text: &str, token: &Token, code: &str) {
        let found = self.verdict(text, token, NOW).map(|_| "passed");
        assert_eq!(found, Err(code.to_owned()), "{}: {}", self.provider.name, token.claims);
    }

    /// A token is refused at another time, with this code.
    #[track_caller]
    pub(crate) fn refuses_at(&self, now: i64, token: &Token, code: &str) {
        let found = self.verdict(&token.signed(), token, now).map(|_| "passed");
        assert_eq!(found, Err(code.to_owned()), "{}", self.provider.name);
    }

    /// The verdict on an opaque token of which the provider says this.
    pub(crate) fn look_up(&self, answer: &Value) -> Result<Permit, String> {
        let presented = Presented::from_token("opaque-token").unwrap();
        let answer = Received::of(answer.as_object().unwrap().clone()).unwrap();
        let authentic = opaque::looked_up(&presented, &self.provider.trust, answer);
        self.allow(authentic.map_err(Stop::from), NOW).map_err(|stop| code(&stop))
    }

    fn verdict(&self, text: &str, token: &Token, now: i64) -> Result<Permit, String> {
        let keys = token.keys(self.owner.as_deref());
        let issuers = [Trusted { trust: &self.provider.trust, keys: Some(&keys) }];
        let presented = Presented::from_token(text).unwrap();
        let authentic = presented.authentic(&Keys { issuers: &issuers, decryption: &[] });
        self.allow(authentic, now).map_err(|stop| code(&stop))
    }

    fn allow(&self, authentic: Result<Authentic, Stop>, now: i64) -> Result<Permit, Stop> {
        let request = Request { method: &Method::GET, path: "/orders" };
        let facts = Facts { moment: Moment::at(now), sender: Sender::BEARER, request };
        let want = Want {
            audience: &self.audience,
            binding: Binding::AsTheTokenSays,
            implied: &Implied::default(),
            rule: &Rule::ANY_TOKEN,
        };
        match authentic?.verdict(&facts, &want)? {
            Admission::Now(permit) => Ok(permit),
            Admission::Once(_) => panic!("no fixture has a proof"),
        }
    }
}

fn code(stop: &Stop) -> String {
    match stop {
        Stop::Refused(refusal) => refusal.reason().as_str().to_owned(),
        Stop::Missing(_) => "missing".to_owned(),
    }
}

/// What a permit says: subject, client, scopes, roles.
#[track_caller]
pub(crate) fn says(
    permit: &Permit,
    subject: &str,
    client: Option<&str>,
    scope: &str,
    roles: &[&str],
) {
    assert_eq!(permit.subject().as_str(), subject);
    assert_eq!(permit.client_id().map(ClientId::as_str), client);
    assert_eq!(permit.scopes().to_string(), scope);
    assert_eq!(permit.roles(), roles);
}
