//! A soak: rotation, outage, revocation and hostile tokens, mixed into many requests of which each
//! has one right answer (RFC 6750 §3.1).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]
#![allow(clippy::print_stderr, reason = "how many requests it were, on a slow machine")]

#[path = "soak/model.rs"]
mod model;
mod world;

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bailiwick_jose::{Algorithm, SigningKey};
use bailiwick_resource_server::denied::Name;
use bailiwick_resource_server::{Denial, DenyList, Issuer, KeySettings, Require, VerifiedToken};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Either, Empty, Full};
use serde_json::json;
use tokio::task::JoinSet;
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt, service_fn};

use model::{Fault, KEEP, Model, Right, Token, good, hostile, listed, made};
use world::{API, Id, clock, eventually, proof_claims, prove, with_bearer, with_proof};

/// How many requests there are, in eras between which the world changes.
const REQUESTS: usize = 200_000;
const PER_ERA: usize = 4_000;
const WORKERS: usize = 8;

/// The first eras fill what is bounded; memory is measured after them.
const WARM_UP: usize = 16;

/// A slow machine ends early, but not before it has seen enough.
const LONGEST: Duration = Duration::from_secs(45);
const LEAST: usize = 40_000;

/// By how much the memory may grow after the warm-up.
const GROWTH: u64 = 16 * 1024 * 1024;

type Service = BoxCloneSyncService<
    Request<Empty<Bytes>>,
    Response<Either<Full<Bytes>, Full<Bytes>>>,
    Infallible,
>;

/// Numbers that look random and are the same each time (xorshift64).
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below as u64).unwrap()
    }

    fn one<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.next(of.len())]
    }
}

/// The tokens of a generation of keys.
struct Pool {
    good: Vec<Token>,
    listed: Vec<Token>,
    hostile: Vec<Token>,
    /// With the keys that they are bound to.
    bound: Vec<(Token, Arc<SigningKey>)>,
}

/// What the workers of an era share.
struct Era {
    model: Model,
    open: Service,
    write: Service,
    id: Id,
    /// The last generations of keys, the newest last.
    pools: Vec<Arc<Pool>>,
    opaque: Vec<String>,
    /// Numbers the key names that nobody ever asked for.
    junk: Arc<AtomicU64>,
}

/// What came of requests.
#[derive(Default)]
struct Tally {
    statuses: BTreeMap<u16, usize>,
    wrong: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        for (status, times) in other.statuses {
            *self.statuses.entry(status).or_default() += times;
        }
        self.wrong.extend(other.wrong);
    }

    fn requests(&self) -> usize {
        self.statuses.values().sum()
    }
}

fn service(require: &Require) -> Service {
    async fn who(request: Request<Empty<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
        let token = request.extensions().get::<VerifiedToken>().unwrap();
        Ok(Response::new(Full::new(Bytes::from(token.subject().to_string()))))
    }
    BoxCloneSyncService::new(ServiceBuilder::new().layer(require.clone()).service(service_fn(who)))
}

async fn send(service: &Service, request: http::request::Builder) -> (u16, Bytes) {
    let response = service.clone().oneshot(request.body(Empty::new()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    (status, response.into_body().collect().await.unwrap().to_bytes())
}

impl Era {
    fn known(&self) -> &Pool {
        let pool = self.pools.iter().rev().find(|pool| pool.good[0].generation <= self.model.known);
        pool.unwrap()
    }

    async fn work(&self, mut dice: Dice, requests: usize) -> Tally {
        let mut tally = Tally::default();
        while tally.requests() < requests {
            let any = &**dice.one(&self.pools); // of whichever generation
            match dice.next(1000) {
                0..600 => {
                    let token = dice.one(&self.known().good);
                    self.jwt(token, &mut dice, &mut tally, "good").await;
                }
                600..700 => {
                    let token = dice.one(&any.good);
                    self.jwt(token, &mut dice, &mut tally, "any generation").await;
                }
                700..850 => {
                    let token = dice.one(&any.hostile);
                    self.jwt(token, &mut dice, &mut tally, &token.jti).await;
                }
                850..900 => {
                    let token = dice.one(&self.opaque);
                    let sent = with_bearer("/orders", token);
                    let right = self.model.opaque(token);
                    self.judge(&self.open, sent, token, right, &mut tally, "opaque").await;
                }
                900..930 => {
                    let (token, key) = dice.one(&any.bound);
                    self.bound(token, key, &mut tally).await;
                }
                930..980 => {
                    let token = dice.one(&any.listed);
                    self.jwt(token, &mut dice, &mut tally, "listed").await;
                }
                980..983 => {
                    let number = self.junk.fetch_add(1, Ordering::Relaxed);
                    let sent = with_bearer("/orders", &self.id.junk(&format!("junk-{number}")));
                    let right = self.model.fresh_junk();
                    self.judge(&self.open, sent, "", right, &mut tally, "junk").await;
                }
                _ => {
                    let token = &dice.one(&self.known().good).text;
                    let (sent, right): (_, Right) = match dice.next(4) {
                        0 => (Request::get("/orders"), &[401]),
                        1 => {
                            (Request::get("/orders").header("authorization", "Basic eDp5"), &[401])
                        }
                        2 => (with_bearer("/orders?access_token=x", token), &[400]),
                        _ => (with_bearer("/", token).header("authorization", "Bearer x"), &[400]),
                    };
                    self.judge(&self.open, sent, "", right, &mut tally, "malformed").await;
                }
            }
        }
        tally
    }

    async fn jwt(&self, token: &Token, dice: &mut Dice, tally: &mut Tally, what: &str) {
        let to_write = dice.next(2) == 0;
        let service = if to_write { &self.write } else { &self.open };
        let right = self.model.jwt(token, to_write);
        let sent = with_bearer("/orders", &token.text);
        self.judge(service, sent, &token.subject, right, tally, what).await;
    }

    /// A bound token, with its proof, with the same one again, and with none.
    async fn bound(&self, token: &Token, key: &SigningKey, tally: &mut Tally) {
        let mut claims = proof_claims(&token.text, "GET", API);
        claims["iat"] = self.model.time.into();
        let proof = prove(key, &claims);
        let sent = || with_proof("GET", "/orders", &token.text, &proof);
        let right = self.model.jwt(token, false);
        let then: Right = if right == [200] { &[401] } else { right };
        self.judge(&self.open, sent(), &token.subject, right, tally, "proof").await;
        self.judge(&self.open, sent(), &token.subject, then, tally, "proof, again").await;
        let bare = with_bearer("/orders", &token.text);
        self.judge(&self.open, bare, &token.subject, then, tally, "without proof").await;
    }

    async fn judge(
        &self,
        service: &Service,
        sent: http::request::Builder,
        subject: &str,
        right: Right,
        tally: &mut Tally,
        what: &str,
    ) {
        let (status, body) = send(service, sent).await;
        *tally.statuses.entry(status).or_default() += 1;
        let is_right = right.contains(&status) && (status != 200 || body == subject.as_bytes());
        if !is_right && tally.wrong.len() < 5 {
            let Model { known, published, is_down, .. } = self.model;
            tally.wrong.push(format!(
                "{what}: {status} instead of {right:?}, {body:?} for {subject:?}; keys {known} of \
                 {published}, down: {is_down}"
            ));
        }
    }
}

/// The world, which changes between eras.
struct Soak {
    id: Id,
    open: Service,
    write: Service,
    time: Arc<AtomicI64>,
    denials: Arc<DenyList>,
    model: Model,
    pools: VecDeque<Arc<Pool>>,
    clients: Vec<Arc<SigningKey>>,
    opaque: Vec<String>,
    junk: Arc<AtomicU64>,
}

impl Soak {
    async fn begin() -> Self {
        let id = Id::up().await;
        let (time, read) = clock();
        let denials = Arc::new(DenyList::default());
        let brisk = KeySettings {
            refresh: Duration::from_millis(200),
            refresh_least: Duration::from_millis(200),
            retry: Duration::from_millis(20),
            retry_most: Duration::from_millis(100),
            unknown_kid: Duration::from_millis(1),
            ..KeySettings::default()
        };
        let api = id.protect().keys(id.kept(brisk)).clock(read).cached_tokens(256);
        let api = api.look_up(id.lookup().keep(KEEP)).denials(Arc::clone(&denials) as _);
        let api = api.build().unwrap();
        id.publish_list("soak", [0, 1, 0, 2], &id.key(), &json!({ "ttl": 3600 }));
        let mut model = Model::new();
        for number in 0..20 {
            let token = format!("opaque-{number}");
            id.know(&token, json!({ "sub": token, "exp": model.time + 1_000_000 }));
            model.opaque.insert(token, None);
        }
        let clients = (0..4).map(|_| Arc::new(SigningKey::generate(Algorithm::Es256).unwrap()));
        let mut soak = Self {
            open: service(&api.layer()),
            write: service(&api.require("write:orders").unwrap()),
            opaque: (0..30).map(|number| format!("opaque-{number}")).collect(),
            clients: clients.collect(),
            pools: VecDeque::new(),
            junk: Arc::default(),
            id,
            time,
            denials,
            model,
        };
        soak.fill();
        soak.settle().await;
        let listed = soak.pools[0].listed[0].text.clone();
        assert_eq!(send(&soak.open, with_bearer("/orders", &listed)).await.0, 200);
        soak
    }

    /// Makes the tokens of the generation that is published.
    fn fill(&mut self) {
        let (id, model) = (&self.id, &self.model);
        let bound = |key: &Arc<SigningKey>| {
            let cnf = json!({ "cnf": { "jkt": key.kid() }, "exp": model.time + 1_000_000 });
            (made(model, id.token(cnf), Fault::None), Arc::clone(key))
        };
        let pool = Pool {
            good: good(id, model, 400),
            listed: listed(id, model),
            hostile: hostile(id, model),
            bound: self.clients.iter().map(bound).collect(),
        };
        self.pools.push_back(Arc::new(pool));
        if self.pools.len() > 3 {
            self.pools.pop_front();
        }
    }

    /// Waits until the API knows the published keys.
    async fn settle(&mut self) {
        let token = &self.pools.back().unwrap().hostile[0];
        assert!(token.generation == self.model.published);
        let newest = self.pools.back().unwrap().bound[0].0.text.clone();
        // Sent without its proof: refused as soon as its key is known.
        eventually("the keys are known", async || {
            let checked = send(&self.open, with_bearer("/orders", &newest)).await.0;
            let good = &self.pools.back().unwrap().good[399].text;
            checked == 401 && send(&self.open, with_bearer("/orders", good)).await.0 == 200
        })
        .await;
        self.model.known = self.model.published;
    }

    fn rotate(&mut self) {
        self.id.rotate();
        self.model.published += 1;
        self.fill();
    }

    fn revoke(&mut self, dice: &mut Dice) {
        let issuer = Issuer::parse(&self.id.url).unwrap();
        let pool = Arc::clone(self.pools.back().unwrap());
        for _ in 0..20 {
            let token = dice.one(&pool.good[..300]);
            let name = Name::Token(token.jti.clone());
            let denial = Denial::new(issuer.clone(), name, self.model.time);
            self.denials.add(&denial, self.model.time).unwrap();
            self.model.revoked.insert(token.jti.clone());
        }
        let token = dice.one(&self.opaque[..20]).clone();
        self.id.revoke(&token);
        self.model.opaque.entry(token).and_modify(|at| {
            at.get_or_insert_with(Instant::now);
        });
    }

    /// Changes the world.
    async fn turn(&mut self, era: usize, dice: &mut Dice) {
        match era % 8 {
            1 | 7 => self.revoke(dice),
            2 => {
                self.rotate();
                self.settle().await;
            }
            3 => {
                self.id.answer_with(Some(503));
                self.model.is_down = true;
            }
            4 => self.rotate(), // nobody learns of it yet
            5 => {
                self.id.answer_with(None);
                (self.model.is_down, self.model.rose) = (false, Some(Instant::now()));
                self.settle().await;
            }
            6 => {
                self.model.time += 60;
                self.time.store(self.model.time, Ordering::SeqCst);
            }
            _ => {}
        }
    }

    async fn era(&self, dice: &mut Dice) -> Tally {
        let era = Arc::new(Era {
            model: self.model.clone(),
            open: self.open.clone(),
            write: self.write.clone(),
            id: self.id.clone(),
            pools: self.pools.iter().cloned().collect(),
            opaque: self.opaque.clone(),
            junk: Arc::clone(&self.junk),
        });
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS {
            let (era, dice) = (Arc::clone(&era), Dice(dice.next(usize::MAX) as u64 + 1));
            workers.spawn(async move { era.work(dice, PER_ERA / WORKERS).await });
        }
        let mut tally = Tally::default();
        for worker in workers.join_all().await {
            tally.add(worker);
        }
        tally
    }
}

/// The memory of this process that is in use, where the system tells it.
fn resident() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split(' ').nth(1)?.parse::<u64>().ok()? * 4096)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn among_two_hundred_thousand_requests_not_one_is_answered_wrongly() {
    let began = Instant::now();
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut soak = Soak::begin().await;
    let (mut total, mut warm) = (Tally::default(), None);
    for era in 0..REQUESTS / PER_ERA {
        soak.turn(era, &mut dice).await;
        total.add(soak.era(&mut dice).await);
        assert!(total.wrong.is_empty(), "in era {era}: {:#?}", total.wrong);
        if era + 1 == WARM_UP {
            warm = resident();
        }
        if began.elapsed() > LONGEST {
            break;
        }
    }
    let requests = total.requests();
    let grown = warm.zip(resident()).map(|(warm, now)| now.saturating_sub(warm));
    eprintln!(
        "{requests} requests in {:?}: {:?}; grown {grown:?}",
        began.elapsed(),
        total.statuses
    );
    assert!(requests >= LEAST, "{requests}");
    for status in [200, 400, 401, 403, 503] {
        assert!(total.statuses.contains_key(&status), "{status} never came");
    }
    assert!(grown.is_none_or(|grown| grown < GROWTH), "{grown:?} bytes more");
}
