//! The load: kept-alive connections, each with one request at a time, on one thread.
//!
//! Requests go out on all connections before the first answer is read, so that the server finds
//! several at once, as it does under load.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;

/// The connections that are used at once.
pub(super) const CONNECTIONS: usize = 16;

const PATIENCE: Duration = Duration::from_secs(20);

/// The bytes of a request with a token.
pub(super) fn request(token: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n")
        .into_bytes()
}

/// Open connections to one server.
pub(super) struct Connections(Vec<TcpStream>);

impl Connections {
    /// Opens them.
    pub(super) fn open(port: u16) -> Result<Self> {
        (0..CONNECTIONS).map(|_| connect(port)).collect::<Result<_>>().map(Self)
    }

    /// Sends requests and reads their answers, each of which must be 200 and "ok".
    pub(super) fn send(&mut self, requests: &[Vec<u8>]) -> Result<()> {
        for wave in requests.chunks(CONNECTIONS) {
            for (connection, request) in self.0.iter_mut().zip(wave) {
                connection.write_all(request)?;
            }
            for (connection, _) in self.0.iter_mut().zip(wave) {
                read_ok(connection)?;
            }
        }
        Ok(())
    }
}

/// Asks once, on a connection of its own, and gives the status.
pub(super) fn ask(port: u16, authorization: Option<&str>) -> Result<u16> {
    let mut connection = connect(port)?;
    let authorization =
        authorization.map_or_else(String::new, |value| format!("Authorization: {value}\r\n"));
    let request =
        format!("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{authorization}\r\n");
    connection.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    if let Err(why) = connection.read_to_end(&mut answer)
        && why.kind() != ErrorKind::ConnectionReset
    {
        return Err(why.into());
    }
    status(&answer).ok_or_else(|| "no answer".into())
}

/// Waits until a token that must be let in is: keys may load in the background.
pub(super) fn until_ready(port: u16, token: &str) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask(port, Some(&format!("Bearer {token}"))) {
            Ok(200) => return Ok(()),
            Ok(status) if Instant::now() > deadline => return Err(status.to_string().into()),
            Err(why) if Instant::now() > deadline => return Err(why),
            // Not measured yet: a peer that starts is left the core to do so.
            _ => thread::sleep(Duration::from_millis(50)),
        }
    }
}

fn connect(port: u16) -> Result<TcpStream> {
    let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    Ok(connection)
}

fn read_ok(connection: &mut TcpStream) -> Result<()> {
    let mut answer = Vec::with_capacity(512);
    let mut part = [0; 1024];
    loop {
        let count = connection.read(&mut part)?;
        answer.extend_from_slice(&part[..count]);
        match status(&answer) {
            Some(200) | None => {}
            Some(other) => return Err(format!("a good token was answered with {other}").into()),
        }
        if answer.ends_with(b"\r\n\r\nok") {
            return Ok(());
        }
        if count == 0 {
            return Err("the server hung up".into());
        }
    }
}

/// The status of an answer, of which enough has arrived.
fn status(answer: &[u8]) -> Option<u16> {
    std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}
