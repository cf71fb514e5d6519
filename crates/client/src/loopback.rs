//! The redirect to a native client on this machine (RFC 8252 §7.3).

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bailiwick_oauth::{Form, RedirectUri};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::ClientError;

/// Listens on `127.0.0.1` for the one redirect of a flow.
#[derive(Debug)]
pub struct Loopback {
    listener: TcpListener,
    redirect_uri: RedirectUri,
    path: Arc<str>,
}

impl Loopback {
    /// Listens on a free port for a redirect to this path, such as `/callback`.
    ///
    /// # Errors
    /// When no port can be had or the path is none.
    pub async fn listen(path: &str) -> Result<Self, ClientError> {
        let failed = |why: String| ClientError::Loopback(why);
        let listener =
            TcpListener::bind("127.0.0.1:0").await.map_err(|why| failed(why.to_string()))?;
        let address = listener.local_addr().map_err(|why| failed(why.to_string()))?;
        let redirect_uri = RedirectUri::parse(&format!("http://{address}{path}"))
            .map_err(|why| failed(format!("the path '{path}' is not usable: {why}")))?;
        Ok(Self { listener, redirect_uri, path: path.into() })
    }

    /// Where the authorization server shall send the browser.
    pub fn redirect_uri(&self) -> &RedirectUri {
        &self.redirect_uri
    }

    /// Waits for the redirect, answers it with a small page, and gives its query.
    ///
    /// Whose answer it is, [`Started::callback`](crate::Started::callback) checks. Requests for
    /// anything else, and those without `state` and `code` or `error`, are not it.
    ///
    /// # Errors
    /// When nobody comes in time.
    pub async fn wait(self, longest: Duration) -> Result<String, ClientError> {
        match tokio::time::timeout(longest, self.query()).await {
            Ok(query) => query,
            Err(_) => Err(ClientError::NobodyCame(longest)),
        }
    }

    async fn query(self) -> Result<String, ClientError> {
        let (found, mut queries) = mpsc::channel(1);
        // Browsers open connections ahead of need, so several are served at once; they end with us.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    let (stream, _) = accepted.map_err(|why| ClientError::Loopback(why.to_string()))?;
                    let (path, found) = (Arc::clone(&self.path), found.clone());
                    connections.spawn(async move {
                        if let Some(query) = serve(stream, path).await {
                            // Another connection was quicker when nobody takes it.
                            let _ = found.send(query).await;
                        }
                    });
                }
                Some(query) = queries.recv() => return Ok(query),
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// Serves one request; gives the query of the redirect once the page is written.
async fn serve(stream: TcpStream, path: Arc<str>) -> Option<String> {
    let found = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&found);
    let service = service_fn(move |request: Request<Incoming>| {
        let query = redirected(&request, &path);
        let page = page(query.is_some());
        if query.is_some() {
            *keep.lock().unwrap_or_else(PoisonError::into_inner) = query;
        }
        async { Ok::<_, Infallible>(page) }
    });
    let served =
        http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
    // A browser that hangs up early has still delivered its request.
    let _ = served.await;
    found.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn redirected(request: &Request<Incoming>, path: &str) -> Option<String> {
    let query = request.uri().query()?;
    let form = Form::parse(query).ok()?;
    let is_answer = form.names("state") && (form.names("code") || form.names("error"));
    let is_ours = request.method() == Method::GET && request.uri().path() == path;
    (is_ours && is_answer).then(|| query.to_owned())
}

fn page(is_redirect: bool) -> Response<Full<Bytes>> {
    let (status, text) =
        if is_redirect { (StatusCode::OK, DONE) } else { (StatusCode::NOT_FOUND, NOTHING) };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
        (REFERRER_POLICY, "no-referrer"), // the address holds the code
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

const DONE: &str = concat!(
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Done</title>",
    "<meta name=\"viewport\" content=\"width=device-width\">",
    "<body style=\"font-family:system-ui;margin:20vh auto;max-width:30rem;padding:1rem\">",
    "<h1>Done</h1><p>You can close this window and go back to the program.</p>\n"
);

const NOTHING: &str = "<!doctype html><title>Not here</title><p>There is nothing here.</p>\n";
