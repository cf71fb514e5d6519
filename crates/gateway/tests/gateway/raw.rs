//! Upstreams that answer octet by octet as a script says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a scripted upstream does with a request.
pub(crate) enum Reply {
    /// Sends this and waits for the next request on the connection.
    Send(String),
    /// Sends this and closes the connection.
    Last(String),
    /// Sends this, then nothing more until the other side is gone.
    Hang(String),
}

/// An upstream that answers as a script says.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<(usize, String)>>>,
}

impl Scripted {
    /// The script gets the number of the connection and of the request on it, both from 0.
    pub(crate) async fn start(
        script: impl Fn(usize, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<(usize, String)>>> = Arc::default();
        let (noted, script) = (seen.clone(), Arc::new(script));
        tokio::spawn(async move {
            let mut number = 0;
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, number, noted.clone(), script.clone()));
                number += 1;
            }
        });
        Self { address, seen }
    }

    /// The number of the connection and the whole of every request.
    pub(crate) fn seen(&self) -> Vec<(usize, String)> {
        self.seen.lock().unwrap().clone()
    }

    /// On which connection each request came.
    pub(crate) fn connections(&self) -> Vec<usize> {
        self.seen().into_iter().map(|(connection, _)| connection).collect()
    }
}

async fn connection(
    mut stream: TcpStream,
    number: usize,
    seen: Arc<Mutex<Vec<(usize, String)>>>,
    script: Arc<impl Fn(usize, usize) -> Reply>,
) {
    let mut read = Vec::new();
    for count in 0.. {
        let Some(request) = request(&mut stream, &mut read).await else { return };
        seen.lock().unwrap().push((number, request));
        let (text, goes_on) = match script(number, count) {
            Reply::Send(text) => (text, true),
            Reply::Last(text) => (text, false),
            Reply::Hang(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
                let _ = stream.read_to_end(&mut read).await;
                return;
            }
        };
        if stream.write_all(text.as_bytes()).await.is_err() || !goes_on {
            return;
        }
    }
}

/// The next request with its body, whose length it must say; `None` at the end.
async fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<String> {
    loop {
        let text = String::from_utf8_lossy(read).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.to_ascii_lowercase().lines().find_map(|line| {
                line.strip_prefix("content-length: ").map(|length| length.parse().unwrap())
            });
            let whole = head.len() + 4 + length.unwrap_or(0);
            if text.len() >= whole {
                return Some(String::from_utf8(read.drain(..whole).collect()).unwrap());
            }
        }
        if stream.read_buf(read).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}

/// A good answer with a body.
pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A gateway's configuration: everything is public, and goes to this upstream with these settings.
pub(crate) fn public(upstream: &str, settings: &str) -> String {
    format!(
        r#"
        [[resource]]
        identifier = "https://api.example.com/drive"
        issuer = "ISSUER"
        upstream = {upstream}
        {settings}
        routes = [{{ path = "/**", public = true }}]
        "#
    )
}
