//! Tunnels: connections whose protocol was switched (RFC 9110 §7.8, RFC 6455).
//!
//! Octets pass both ways as they come, for as long as the lease lasts. A WebSocket that is ended
//! here gets a close frame first, between two frames of the upstream.

mod frames;

use std::fmt;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Request;
use http::header::UPGRADE;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::forward::{Cut, Patience, Turn};
use crate::limits::Places;
use frames::Frames;

/// Where the tunnel waits that a connection is to become.
#[derive(Clone, Default)]
pub(crate) struct Switch(Arc<Track>);

#[derive(Default)]
struct Track {
    /// Whether what the client sends from now on is no HTTP any more.
    is_thrown: AtomicBool,
    tunnel: Mutex<Option<Tunnel>>,
}

/// Two connections whose protocol was switched, and how long they may go on.
pub(crate) struct Tunnel {
    pub(crate) client: OnUpgrade,
    pub(crate) upstream: OnUpgrade,
    pub(crate) is_websocket: bool,
    pub(crate) patience: Patience,
    /// The upstream's connection, which counts until the end.
    pub(crate) turn: Turn,
    /// Places among the requests under way, which it keeps as long.
    pub(crate) places: Places,
}

impl Switch {
    /// Tells a request that asks to switch protocols where to.
    pub(crate) fn note<B>(&self, mut request: Request<B>) -> Request<B> {
        if request.headers().contains_key(UPGRADE) {
            request.extensions_mut().insert(self.clone());
        }
        request
    }

    /// Lets the connection become a tunnel once its answer is written.
    pub(crate) fn throw(&self, tunnel: Tunnel) {
        *self.0.tunnel.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
        self.0.is_thrown.store(true, Ordering::Release);
    }

    /// Lets the tunnel keep the places of the request that asked for it.
    pub(crate) fn keep(&self, places: Places) {
        if let Some(tunnel) = &mut *self.0.tunnel.lock().unwrap_or_else(PoisonError::into_inner) {
            tunnel.places = places;
        }
    }

    pub(crate) fn is_thrown(&self) -> bool {
        self.0.is_thrown.load(Ordering::Acquire)
    }

    /// Runs the tunnel, if there is one, to its end or until the gateway is told to stop.
    pub(crate) async fn run(&self, stopped: &mut watch::Receiver<bool>) {
        let tunnel = self.0.tunnel.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(tunnel) = tunnel
            && let Err(error) = tunnel.run(stopped).await
        {
            tracing::debug!(%error, "a tunnel ended with an error");
        }
    }
}

impl fmt::Debug for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switch").field("is_thrown", &self.is_thrown()).finish()
    }
}

impl Tunnel {
    async fn run(self, stopped: &mut watch::Receiver<bool>) -> io::Result<()> {
        let Self { client, upstream, is_websocket, mut patience, turn: _turn, places: _places } =
            self;
        let (client, upstream) = tokio::try_join!(opened(client), opened(upstream))?;
        let (from_client, to_client) = split(client);
        let (from_upstream, to_upstream) = split(upstream);
        let heard = Heard::default();
        let (cut, mut told) = watch::channel(None);
        let frames = is_websocket.then(Frames::default);
        let mut up = pin!(carry(from_client, to_upstream, &heard));
        let mut down = pin!(deliver(from_upstream, to_client, &heard, frames, &mut told));
        let mut is_up = true;
        let why = loop {
            tokio::select! {
                ended = &mut down => return ended,
                ended = &mut up, if is_up => {
                    ended?;
                    is_up = false; // the client has said all; the upstream may not have
                }
                why = impatience(&mut patience, &heard) => break why,
                () = stop(stopped) => break Cut::Stopped,
            }
        };
        tracing::info!(reason = %why, "an upgraded connection was ended");
        let _ = cut.send(Some(why));
        // Whoever takes no last words is left without.
        timeout(LAST_WORDS, down).await.unwrap_or(Ok(()))
    }
}

/// When something came last, from either side, in milliseconds after the start.
struct Heard {
    start: Instant,
    latest: AtomicU64,
}

impl Default for Heard {
    fn default() -> Self {
        Self { start: Instant::now(), latest: AtomicU64::new(0) }
    }
}

impl Heard {
    fn note(&self) {
        let after = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.latest.store(after, Ordering::Relaxed);
    }

    fn latest(&self) -> Instant {
        self.start + Duration::from_millis(self.latest.load(Ordering::Relaxed))
    }
}

async fn opened(upgrade: OnUpgrade) -> io::Result<TokioIo<Upgraded>> {
    upgrade.await.map(TokioIo::new).map_err(io::Error::other)
}

/// Waits until a tunnel may not go on.
async fn impatience(patience: &mut Patience, heard: &Heard) -> Cut {
    loop {
        if let Err(cut) = patience.look_at(heard.latest()) {
            return cut;
        }
        // The period of looking; it is dropped with the tunnel.
        sleep(LOOK).await;
    }
}

async fn stop(stopped: &mut watch::Receiver<bool>) {
    // A sender that is gone is a stop as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Carries what the client sends to the upstream.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    heard: &Heard,
) -> io::Result<()> {
    let mut buffer = vec![0; AT_ONCE];
    loop {
        let size = from.read(&mut buffer).await?;
        if size == 0 {
            return to.shutdown().await;
        }
        heard.note();
        to.write_all(&buffer[..size]).await?;
        to.flush().await?;
    }
}

/// Carries what the upstream sends to the client, until it is told to end: a WebSocket then gets
/// the rest of the frame that it is in the midst of, and a close frame.
async fn deliver(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    heard: &Heard,
    mut frames: Option<Frames>,
    told: &mut watch::Receiver<Option<Cut>>,
) -> io::Result<()> {
    let mut buffer = vec![0; AT_ONCE];
    let mut ending = None;
    loop {
        if let Some(cut) = ending {
            match &frames {
                Some(frames) if frames.is_between() => {
                    to.write_all(&frames::close(cut)).await?;
                    return to.shutdown().await;
                }
                Some(_) => {}
                None => return to.shutdown().await,
            }
        }
        let size = tokio::select! {
            _ = told.changed(), if ending.is_none() => {
                ending = Some(told.borrow_and_update().unwrap_or(Cut::Stopped));
                continue;
            }
            size = from.read(&mut buffer) => size?,
        };
        if size == 0 {
            return to.shutdown().await;
        }
        heard.note();
        let mut octets = &buffer[..size];
        if let Some(frames) = &mut frames {
            octets = &octets[..frames.follow(octets, ending.is_some())];
        }
        to.write_all(octets).await?;
        to.flush().await?;
    }
}

const AT_ONCE: usize = 16 * 1024;
/// How often it is looked at whether a tunnel may go on.
const LOOK: Duration = Duration::from_secs(1);
/// How long the end of a frame and a close frame may take.
const LAST_WORDS: Duration = Duration::from_secs(3);
