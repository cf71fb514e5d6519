//! One small world for the tests of this crate: the APIs of the worked examples (rules §11), a
//! client, a user, a clock, seeded randomness, and records that keep their preconditions.

use std::collections::BTreeMap;

use bailiwick_jose::digest::sha256;
use bailiwick_oauth::authorize::{Asker, Reply, Request};
use bailiwick_oauth::{
    ClientId, CodeVerifier, Form, Grant, IdToken, Issuer, Permission, RedirectUri, Resource, Scope,
    Scopes, Secret, Subject, UserCode, token,
};
use serde_json::{Map, Value};

use crate::flow::authorize::{self, Answer, Issued, Login, Step};
use crate::flow::device;
use crate::flow::introspect::{Found, Known};
use crate::flow::token::{AccessForm, Context, Poll, Tokens};
use crate::rule::resource::{self, Directory};
use crate::rule::sender::{Scheme, Sender};
use crate::state::{
    Authentication, Checked, Client, Code, Consent, GrantId, GrantKind, GrantRecord, Interaction,
    OpaqueToken, Origin, Pending, PollAnswer, Reach, RefreshToken, ResourceServer, RevokedToken,
    ScopeDefinition, Session, User, UserCodeRecord,
};
use crate::{Change, Entropy, Kind, Loaded, Record, Refused, Stored, Tenant, Version, flow};

pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const API: &str = "https://api.example.com";
pub(crate) const OTHER: &str = "https://api.another.com";
pub(crate) const BACK: &str = "https://shop.example/cb";
/// Both APIs of the worked examples, as parameters.
pub(crate) const BOTH: &str = "resource=https://api.example.com&resource=https://api.another.com";

pub(crate) fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

pub(crate) fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).unwrap()
}

pub(crate) fn resource(text: &str) -> Resource {
    Resource::parse(text).unwrap()
}

pub(crate) fn pair(resource: &str, scope: &str) -> Permission {
    Permission { resource: self::resource(resource), scope: self::scope(scope) }
}

pub(crate) fn tenant() -> Tenant {
    Tenant::new(Issuer::parse("https://id.example.com").unwrap())
}

/// A resource server; a scope with `*` is a default one, one with `!` is sensitive.
pub(crate) fn server(identifier: &str, scopes: &str) -> ResourceServer {
    let mut server = ResourceServer::new(resource(identifier), identifier.to_uppercase());
    server.scopes = scopes
        .split_whitespace()
        .map(|name| ScopeDefinition {
            name: scope(name.trim_end_matches(['*', '!'])),
            description: format!("Use {name}"),
            default: name.contains('*'),
            sensitive: name.contains('!'),
        })
        .collect();
    server
}

/// The resource servers of the worked examples.
pub(crate) fn servers() -> Vec<ResourceServer> {
    vec![server(API, "read write"), server(OTHER, "read delete")]
}

pub(crate) fn directory(servers: &[ResourceServer]) -> Directory {
    let mut directory = Directory::new();
    for server in servers {
        directory.insert(server.clone());
    }
    directory
}

/// A public web client that may get everything.
pub(crate) fn client() -> Client {
    let mut client =
        Client::new(ClientId::parse("shop").unwrap(), "The Shop", Authentication::None);
    client.redirect_uris = vec![RedirectUri::parse(BACK).unwrap()];
    client.grant_types = [GrantKind::AuthorizationCode, GrantKind::RefreshToken].into();
    client.ceiling.global = Reach::Everything;
    client.ceiling.others = Reach::Everything;
    client
}

/// A confidential client that acts for itself.
pub(crate) fn machine() -> Client {
    let secrets = vec![Secret::new("sesame").digest()];
    let mut client = client();
    client.authentication = Authentication::Basic { secrets };
    client.grant_types = [GrantKind::ClientCredentials].into();
    client
}

pub(crate) fn user() -> User {
    let claims = serde_json::json!({ "name": "Alice", "email": "alice@example.com" });
    User {
        subject: Subject::parse("user-1").unwrap(),
        username: "alice".to_owned(),
        password: None,
        claims: claims.as_object().cloned().unwrap_or_else(Map::<String, Value>::new),
        roles: ["clerk".to_owned()].into(),
        enabled: true,
        origin: Origin::Registered,
    }
}

/// A grant of global scopes and of scopes on resources.
pub(crate) fn grant(global: &str, pairs: &[(&str, &str)]) -> Grant {
    let resources =
        pairs.iter().map(|(identifier, names)| (resource(identifier), scopes(names))).collect();
    Grant { global: scopes(global), resources, ..Grant::default() }
}

/// An ID token of the world's user for its client.
pub(crate) fn id_token(world: &World) -> IdToken {
    IdToken {
        iss: world.tenant.issuer.clone(),
        sub: world.user.subject.clone(),
        aud: world.client.id.clone(),
        iat: NOW,
        exp: NOW + 1,
        auth_time: NOW,
        nonce: None,
        acr: None,
        amr: Vec::new(),
        sid: None,
        at_hash: None,
        claims: Map::new(),
    }
}

/// A grant in one line: `openid | api.example.com: read write`.
pub(crate) fn shown(grant: &Grant) -> String {
    let mut parts = vec![grant.global.to_string()];
    for (resource, scopes) in &grant.resources {
        parts.push(format!("{}: {scopes}", resource.as_str().trim_start_matches("https://")));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" | ")
}

/// A refusal in one line: its code, then its reason.
pub(crate) fn no(refused: &Refused) -> String {
    format!("{} {}", refused.error, refused.reason)
}

/// An answer to a token request in one line: audience and scope, or the refusal.
pub(crate) fn told(outcome: &Result<Tokens, Refused>) -> String {
    match outcome {
        Ok(tokens) => format!("{} = {}", tokens.access.claims.aud, tokens.access.claims.scope),
        Err(refused) => no(refused),
    }
}

/// Randomness that is the same in each run.
#[derive(Debug, Default)]
pub(crate) struct Seeded(u64);

impl Entropy for Seeded {
    fn draw(&mut self) -> [u8; 32] {
        self.0 += 1;
        sha256(&self.0.to_be_bytes())
    }
}

/// A precondition that did not hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Conflict;

/// Everything that a decision depends on, and the records that decisions change.
pub(crate) struct World {
    pub(crate) tenant: Tenant,
    pub(crate) client: Client,
    pub(crate) servers: Vec<ResourceServer>,
    pub(crate) user: User,
    pub(crate) session: Session,
    /// What the sender of each request proves, and how it sends its access token.
    pub(crate) sender: Sender,
    pub(crate) scheme: Scheme,
    pub(crate) now: i64,
    pub(crate) entropy: Seeded,
    records: BTreeMap<(Kind, String), (Version, Vec<u8>)>,
}

impl World {
    pub(crate) fn new() -> Self {
        let user = user();
        let session = Session {
            digest: Secret::new("cookie").digest(),
            subject: user.subject.clone(),
            auth_time: NOW - 100,
            sid: Some("session-1".to_owned()),
            acr: Some("pwd".to_owned()),
            amr: vec!["pwd".to_owned()],
            expires_at: NOW + 100_000_000,
        };
        Self {
            tenant: tenant(),
            client: client(),
            servers: servers(),
            user,
            session,
            sender: Sender::default(),
            scheme: Scheme::Bearer,
            now: NOW,
            entropy: Seeded::default(),
            records: BTreeMap::new(),
        }
    }

    pub(crate) fn directory(&self) -> Directory {
        directory(&self.servers)
    }

    /// The server with this identifier, to be changed.
    pub(crate) fn server(&mut self, identifier: &str) -> &mut ResourceServer {
        self.servers.iter_mut().find(|one| one.identifier == resource(identifier)).unwrap()
    }

    pub(crate) fn verifier() -> CodeVerifier {
        CodeVerifier::parse(&"v".repeat(43)).unwrap()
    }

    /// Applies all changes or none.
    pub(crate) fn commit(&mut self, changes: &[Change]) -> Result<(), Conflict> {
        let mut after = self.records.clone();
        for change in changes {
            let (record, holds) = match change {
                Change::Delete { kind, key } => {
                    after.remove(&(*kind, key.clone()));
                    continue;
                }
                Change::Insert(record) => (record, !after.contains_key(&place(record))),
                Change::Update { record, seen } => {
                    (record, after.get(&place(record)).is_some_and(|(version, _)| version == seen))
                }
                Change::Put(record) => (record, true),
            };
            if !holds {
                return Err(Conflict);
            }
            let version = after.get(&place(record)).map_or(0, |(version, _)| version.0) + 1;
            after.insert(place(record), (Version(version), record.body().unwrap()));
        }
        self.records = after;
        Ok(())
    }

    pub(crate) fn load<T: Stored>(&self, key: &str) -> Option<Loaded<T>> {
        let (version, body) = self.records.get(&(T::KIND, key.to_owned()))?;
        Some(Loaded { version: *version, value: serde_json::from_slice(body).unwrap() })
    }

    pub(crate) fn all<T: Stored>(&self) -> Vec<T> {
        let of_kind = self.records.iter().filter(|((kind, _), _)| *kind == T::KIND);
        of_kind.map(|(_, (_, body))| serde_json::from_slice(body).unwrap()).collect()
    }

    /// Everything about an authorization request that does not depend on the user.
    pub(crate) fn check(&self, query: &str) -> Result<Checked, Refused> {
        self.check_form(&Self::form(query))
    }

    fn form(query: &str) -> Form {
        let challenge = Self::verifier().challenge();
        Form::parse(&format!(
            "client_id=shop&redirect_uri={BACK}&response_type=code&code_challenge={}\
             &code_challenge_method=S256&{query}",
            challenge.as_str()
        ))
        .unwrap()
    }

    pub(crate) fn check_form(&self, form: &Form) -> Result<Checked, Refused> {
        self.check_form_hinted(form, None)
    }

    /// As [`World::check`], with an `id_token_hint` that was verified.
    pub(crate) fn check_hinted(
        &self,
        query: &str,
        hint: Option<&IdToken>,
    ) -> Result<Checked, Refused> {
        self.check_form_hinted(&Self::form(query), hint)
    }

    fn check_form_hinted(&self, form: &Form, hint: Option<&IdToken>) -> Result<Checked, Refused> {
        let (reply, trouble) = Reply::read(form);
        trouble.unwrap();
        let destination = authorize::destination(&self.client, &Asker::read(form).unwrap(), reply)?;
        let request = Request::read(form).unwrap();
        let (tenant, client) = (&self.tenant, &self.client);
        authorize::check(tenant, client, &self.directory(), destination, &request, hint)
    }

    /// Begins an interaction in which the user has just signed in.
    pub(crate) fn begin(&mut self, checked: Checked) -> String {
        let digest = crate::entropy::secret(&mut self.entropy).digest();
        let interaction = Interaction {
            digest: digest.clone(),
            request: checked,
            signed_in: Some(self.session.digest.clone()),
            answered: false,
            begun_at: self.now,
            expires_at: self.now + self.tenant.lifetimes.interaction,
        };
        self.commit(&[Change::insert(interaction)]).unwrap();
        digest.as_str().to_owned()
    }

    pub(crate) fn consent(&self, checked: &Checked) -> Option<Loaded<Consent>> {
        let key = Consent::key_of(&self.user.subject, &self.client, checked.redirect_uri());
        self.load(&key)
    }

    /// What comes next for a user whose session is older than the request.
    pub(crate) fn proceed(&self, checked: &Checked) -> Result<Step, Refused> {
        let login = Login::new(&self.user, &self.session, None);
        self.proceed_with(checked, Some(&login))
    }

    pub(crate) fn proceed_with(
        &self,
        checked: &Checked,
        login: Option<&Login<'_>>,
    ) -> Result<Step, Refused> {
        let consent = self.consent(checked);
        let consent = consent.as_ref().map(|loaded| &loaded.value);
        let (tenant, client, directory) = (&self.tenant, &self.client, self.directory());
        authorize::proceed(tenant, client, &directory, checked, login, consent, self.now)
            .map(|next| next.step)
    }

    /// Answers an interaction; what it changes is committed.
    pub(crate) fn answer(&mut self, key: &str, answer: &Answer) -> Result<Secret, Refused> {
        let interaction: Loaded<Interaction> = self.load(key).unwrap();
        let consent = self.consent(&interaction.value.request);
        let login = Login::new(&self.user, &self.session, Some(&interaction.value));
        let decision = authorize::answer(
            &self.tenant,
            &self.client,
            &directory(&self.servers),
            &interaction,
            &login,
            consent.as_ref(),
            answer,
            self.now,
            &mut self.entropy,
        );
        self.commit(&decision.changes).unwrap();
        decision.outcome.map(|issued| match issued {
            Issued::Code(code) => code,
            Issued::Polled => Secret::new("polled"),
        })
    }

    /// From a request to a code; the user accepts everything.
    pub(crate) fn authorize(&mut self, query: &str) -> Result<Secret, Refused> {
        let checked = self.check(query)?;
        let all = checked.asked().clone();
        let key = self.begin(checked);
        self.answer(&key, &Answer::Accept(all))
    }

    /// Begins a device authorization.
    pub(crate) fn begin_device(&mut self, body: &str) -> Result<device::Begun, Refused> {
        let request = bailiwick_oauth::device::Request::read(&Form::parse(body).unwrap()).unwrap();
        let (directory, now) = (self.directory(), self.now);
        let entropy = &mut self.entropy;
        let decision =
            device::begin(&self.tenant, &self.client, &directory, &request, now, entropy);
        self.commit(&decision.changes).unwrap();
        decision.outcome
    }

    /// The request behind a user code, as a page of ours gets it.
    pub(crate) fn enter(&self, user_code: &UserCode) -> Option<Checked> {
        let found: Loaded<UserCodeRecord> = self.load(user_code.digest().as_str())?;
        let pending: Option<Loaded<Pending>> = self.load(found.value.pending.as_str());
        let answer: Option<Loaded<PollAnswer>> = self.load(found.value.pending.as_str());
        let pending = pending.as_ref().map(|one| &one.value);
        device::entered(pending, answer.as_ref().map(|one| &one.value), user_code.clone(), self.now)
    }

    /// The user types the code in, compares it and answers.
    pub(crate) fn answer_device(
        &mut self,
        user_code: &UserCode,
        answer: &Answer,
    ) -> Result<Secret, Refused> {
        let checked = self.enter(user_code).unwrap().confirm();
        let key = self.begin(checked);
        self.answer(&key, answer)
    }

    /// Polls with a device code.
    pub(crate) fn poll(&mut self, code: &Secret, more: &str) -> Result<Tokens, Refused> {
        let kind = bailiwick_oauth::device::GRANT_TYPE;
        self.token(&format!("grant_type={kind}&device_code={}&{more}", code.expose()))
    }

    /// Redeems a code with further parameters.
    pub(crate) fn redeem(&mut self, code: &Secret, more: &str) -> Result<Tokens, Refused> {
        let verifier = Self::verifier();
        self.token(&format!(
            "grant_type=authorization_code&code={}&redirect_uri={BACK}&code_verifier={}&{more}",
            code.expose(),
            verifier.expose()
        ))
    }

    pub(crate) fn refresh(&mut self, token: &Secret, more: &str) -> Result<Tokens, Refused> {
        self.token(&format!("grant_type=refresh_token&refresh_token={}&{more}", token.expose()))
    }

    /// Decides a token request and commits what it changes.
    pub(crate) fn token(&mut self, body: &str) -> Result<Tokens, Refused> {
        let decision = self.decide(body);
        self.commit(&decision.changes).unwrap();
        decision.outcome
    }

    /// Decides a token request; nothing is committed.
    pub(crate) fn decide(&mut self, body: &str) -> crate::Decision<Result<Tokens, Refused>> {
        let request = token::Request::read(&Form::parse(body).unwrap()).unwrap();
        let directory = self.directory();
        let (tenant, client, now) = (&self.tenant, &self.client, self.now);
        let sender = &self.sender;
        let context = Context { tenant, client, directory: &directory, sender, now };
        let user = Some(&self.user);
        match &request.grant {
            token::GrantType::AuthorizationCode { code, .. } => {
                let code: Option<Loaded<Code>> = self.load(code.digest().as_str());
                let grant = code.as_ref().and_then(|code| self.load(code.value.grant.as_str()));
                let (code, grant) = (code.as_ref(), grant.as_ref());
                let entropy = &mut self.entropy;
                flow::token::authorization_code(&context, &request, code, grant, user, entropy)
            }
            token::GrantType::RefreshToken { token } => {
                let token: Option<Loaded<RefreshToken>> = self.load(token.digest().as_str());
                let grant = token.as_ref().and_then(|token| self.load(token.value.grant.as_str()));
                let token = token.as_ref().map(|token| &token.value);
                let (grant, entropy) = (grant.as_ref(), &mut self.entropy);
                flow::token::refresh_token(&context, &request, token, grant, user, entropy)
            }
            token::GrantType::TokenExchange(_) | token::GrantType::JwtBearer { .. } => {
                panic!("its own tests present the tokens")
            }
            token::GrantType::ClientCredentials => {
                flow::token::client_credentials(&context, &request, &mut self.entropy)
            }
            token::GrantType::DeviceCode { code } => {
                let pending: Option<Loaded<Pending>> = self.load(code.digest().as_str());
                let answer: Option<Loaded<PollAnswer>> = self.load(code.digest().as_str());
                let id = answer.as_ref().and_then(|answer| answer.value.grant());
                let grant = id.and_then(|id| self.load(id));
                let pending = pending.as_ref().map(|pending| &pending.value);
                let poll = Poll { pending, answer: answer.as_ref() };
                let (grant, entropy) = (grant.as_ref(), &mut self.entropy);
                flow::token::device_code(&context, &request, poll, grant, user, entropy)
            }
        }
    }

    /// Revokes a token of the client; nothing is committed.
    pub(crate) fn give_back(
        &self,
        token: &flow::revoke::Presented,
        resources: &[&str],
    ) -> crate::Decision<Result<(), Refused>> {
        let resources: Vec<String> = resources.iter().map(|one| (*one).to_owned()).collect();
        let grant = self.all::<GrantRecord>().first().map(|_| self.grant());
        let (tenant, client, directory) = (&self.tenant, &self.client, self.directory());
        let grant = grant.as_ref();
        flow::revoke::revoke(tenant, client, token, &resources, grant, &directory, self.now)
    }

    /// The one grant of this world.
    pub(crate) fn grant(&self) -> Loaded<GrantRecord> {
        let all = self.all::<GrantRecord>();
        assert_eq!(all.len(), 1, "one grant");
        self.load(all[0].id.as_str()).unwrap()
    }

    /// The access token of an answer, as the endpoints find it again.
    pub(crate) fn found(&self, tokens: &Tokens) -> Found {
        match &tokens.access.form {
            AccessForm::Jwt(_) => Found::Jwt(tokens.access.claims.clone()),
            AccessForm::Encrypted(..) => Found::Nothing, // nobody has written it down
            AccessForm::Opaque(token) => self
                .load::<OpaqueToken>(token.digest().as_str())
                .map_or(Found::Nothing, |loaded| Found::Opaque(loaded.value)),
        }
    }

    /// Calls an endpoint with what is known of a found token.
    pub(crate) fn with_known<T>(&self, found: &Found, call: impl FnOnce(&Known<'_>) -> T) -> T {
        let jti = found.claims().map(|claims| claims.jti.clone()).unwrap_or_default();
        let grant: Option<Loaded<GrantRecord>> =
            GrantId::of_token(&jti).and_then(|id| self.load(id.as_str()));
        let revoked: Option<Loaded<RevokedToken>> = self.load(&jti);
        call(&Known {
            grant: grant.as_ref().map(|loaded| &loaded.value),
            client: Some(&self.client),
            user: Some(&self.user),
            revoked: revoked.as_ref().map(|loaded| &loaded.value),
        })
    }

    /// The resources that a request names, as the rule says.
    pub(crate) fn requested(&self, sent: &[&str], audience: &[&str]) -> Result<String, Refused> {
        let texts = |texts: &[&str]| texts.iter().map(|&t| t.to_owned()).collect::<Vec<_>>();
        let (sent, audience) = (texts(sent), texts(audience));
        let directory = self.directory();
        resource::requested(&self.tenant, &self.client, &directory, &sent, &audience)
            .map(|found| found.iter().map(Resource::as_str).collect::<Vec<_>>().join(" "))
    }
}

fn place(record: &Record) -> (Kind, String) {
    (record.kind(), record.key())
}
