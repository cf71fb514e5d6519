//! The world around a gateway under test.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bailiwick_gateway::{Admin, Config, Gateway, Reloader};
use bailiwick_jose::{Algorithm, Jwks, SigningKey};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub(crate) const DRIVE: &str = "https://api.example.com/drive";
pub(crate) const ORDERS: &str = "https://orders.example.com";

/// The longest that anything here takes.
pub(crate) const LONGEST: Duration = Duration::from_secs(20);

/// An issuer, an upstream and a gateway between, each on a port of its own.
pub(crate) struct World {
    pub(crate) gateway: SocketAddr,
    pub(crate) upstream: Upstream,
    pub(crate) issuer: Issuer,
    pub(crate) reloader: Reloader,
    pub(crate) admin: Admin,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
}

impl World {
    /// Two resources on one upstream, as most tests need them.
    pub(crate) async fn usual() -> Self {
        Self::with(
            r#"
            [[resource]]
            identifier = "https://api.example.com/drive"
            issuer = "ISSUER"
            upstream = "UPSTREAM"
            prefix = "/drive"
            strip_prefix = true
            name = "Drive"
            routes = [
              { path = "/files/**", methods = ["GET", "HEAD"], scopes = ["read:files"] },
              { path = "/files/**", methods = ["PUT", "POST"], scopes = ["write:files"] },
              { path = "/as-client", scopes = [], forward_token = true },
              { path = "/healthz", public = true },
            ]
            [[resource]]
            identifier = "https://orders.example.com"
            issuer = "ISSUER"
            upstream = "UPSTREAM"
            host = "orders.example.com"
            routes = [
              { path = "/orders", scopes = ["read:orders"] },
              { path = "/challenge", scopes = [] },
            ]
            "#,
        )
        .await
    }

    /// A gateway with this configuration, in which `ISSUER` and `UPSTREAM` stand for addresses.
    pub(crate) async fn with(config: &str) -> Self {
        let (issuer, upstream) = (Issuer::start().await, Upstream::start().await);
        let config = config
            .replace("ISSUER", &issuer.url)
            .replace("UPSTREAM", &format!("http://{}", upstream.address));
        let config = Config::parse("test.toml", &config).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let ready = Gateway::new(config).unwrap();
        let (reloader, admin) = (ready.reloader(), ready.admin());
        let serving = ready.serve(listener, async {
            let _ = stopped.await;
        });
        let served = tokio::spawn(serving);
        Self { gateway, upstream, issuer, reloader, admin, stop: Some(stop), served }
    }

    /// Tells the gateway to stop; what is returned ends when it has.
    pub(crate) fn stop(&mut self) -> &mut JoinHandle<()> {
        self.stop.take().unwrap().send(()).unwrap();
        &mut self.served
    }

    /// Sends one request, octet by octet as given, and reads until the connection is closed.
    pub(crate) async fn send(&self, octets: impl AsRef<[u8]>) -> Answer {
        send(self.gateway, octets.as_ref()).await
    }

    /// Sends a usual `GET` with a token or without.
    pub(crate) async fn get(&self, path: &str, host: &str, token: Option<&str>) -> Answer {
        let token =
            token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
        self.send(format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\n{token}Connection: close\r\n\r\n"
        ))
        .await
    }
}

/// Sends octets and reads all that comes back.
pub(crate) async fn send(address: SocketAddr, octets: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The other side may answer and close before it has read everything.
    let _ = stream.write_all(octets).await;
    let mut read = Vec::new();
    let _ = timeout(LONGEST, stream.read_to_end(&mut read)).await.expect("an answer");
    Answer::parse(&read)
}

/// An answer as it stood on the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn parse(read: &[u8]) -> Self {
        let text = String::from_utf8_lossy(read).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// The value of a header, which is there at most once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let values = self.headers(name);
        assert!(values.len() < 2, "{name} is there twice: {}", self.head);
        values.first().copied()
    }

    /// The values of a header.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let values = self.head.lines().skip(1).filter_map(|line| {
            let (this, value) = line.split_once(':')?;
            this.eq_ignore_ascii_case(name).then_some(value.trim())
        });
        values.collect()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }
}

/// An issuer of tokens: its metadata, its keys, and a signing key.
pub(crate) struct Issuer {
    pub(crate) url: String,
    key: SigningKey,
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let keys = Jwks::from_keys(vec![key.verifying_key().clone()]).to_json().to_string();
        let metadata = json!({ "issuer": url, "jwks_uri": format!("{url}/jwks") }).to_string();
        let document =
            |text: String| get(move || async { ([("content-type", "application/json")], text) });
        let router = Router::new()
            .route("/.well-known/oauth-authorization-server", document(metadata))
            .route("/jwks", document(keys));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, key }
    }

    /// A good token.
    pub(crate) fn token(&self, resource: &str, scope: &str) -> String {
        self.mint("at+jwt", &json!({ "aud": resource, "scope": scope }))
    }

    /// A token with these claims over the usual ones.
    pub(crate) fn mint(&self, typ: &str, claims: &Value) -> String {
        mint(&self.key, &self.url, typ, claims)
    }
}

/// A token signed with any key.
pub(crate) fn mint(key: &SigningKey, issuer: &str, typ: &str, claims: &Value) -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let mut all = json!({
        "iss": issuer, "sub": "alice", "client_id": "shop", "jti": "1", "iat": now, "exp": now + 600,
    });
    for (name, value) in claims.as_object().unwrap() {
        all[name] = value.clone();
    }
    key.sign(typ, all.to_string().as_bytes()).unwrap()
}

/// An upstream that notes what reaches it and answers with what it saw.
#[derive(Clone)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = seen.clone();
        let router = Router::new().fallback(move |request: Request| {
            noted.lock().unwrap().push(format!("{} {}", request.method(), request.uri()));
            async { answer(request).await }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, seen }
    }

    /// Method and target of every request that came through.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(request: Request) -> Response {
    if request.uri().path() == "/challenge" {
        return (
            axum::http::StatusCode::UNAUTHORIZED,
            [
                ("www-authenticate", "Basic realm=\"of the upstream\""),
                ("connection", "X-Hop"),
                ("x-hop", "1"),
                ("x-end", "2"),
            ],
        )
            .into_response();
    }
    if request.uri().path().starts_with("/files/echo") {
        return Response::new(request.into_body());
    }
    let headers: Vec<(String, String)> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let (method, target) = (request.method().to_string(), request.uri().to_string());
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap_or_default();
    let saw = json!({
        "method": method, "target": target, "headers": headers,
        "body": String::from_utf8_lossy(&body),
        "secret": is_secret(target.split('?').next().unwrap_or_default()),
    });
    Response::new(Body::from(saw.to_string()))
}

/// Whether the most lenient upstream takes this for the protected path.
pub(crate) fn is_secret(path: &str) -> bool {
    let read = lenient(path);
    read == "/protected" || read.starts_with("/protected/")
}

/// A path as the most lenient upstream would read it.
fn lenient(path: &str) -> String {
    let mut text = path.as_bytes().to_vec();
    for _ in 0..3 {
        text = decode(&text);
    }
    let text: String = String::from_utf8_lossy(&text).to_lowercase().replace('\\', "/");
    let text = text.split(['?', '#', '\0']).next().unwrap_or_default();
    let mut kept: Vec<&str> = Vec::new();
    for segment in text.split('/') {
        let segment = segment.split(';').next().unwrap_or_default();
        match segment.trim() {
            ".." => drop(kept.pop()),
            segment => match segment.trim_end_matches(['.', ' ']) {
                "" => {}
                segment => kept.push(segment),
            },
        }
    }
    format!("/{}", kept.join("/"))
}

fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut at = 0;
    while let Some(octet) = text.get(at) {
        let digits = text.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(value) if *octet == b'%' => {
                decoded.push(value);
                at += 3;
            }
            _ => {
                decoded.push(*octet);
                at += 1;
            }
        }
    }
    decoded
}
