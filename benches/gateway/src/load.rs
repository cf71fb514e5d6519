//! The load: wrk, on the core that the server under measurement does not have.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bench_resource_server::Result;

/// The connections of the load.
const CONNECTIONS: &str = "32";

/// Loads a server for a second and gives the number of answers, all of which must be good.
pub(crate) fn run(port: u16, path: &str, tokens: Option<&Path>) -> Result<usize> {
    let script = |name: &str| format!("{}/configs/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", "-d1s", "-c", CONNECTIONS, "-s"]);
    wrk.arg(script(if tokens.is_some() { "load.lua" } else { "plain.lua" }));
    wrk.arg(format!("http://127.0.0.1:{port}{path}"));
    if let Some(tokens) = tokens {
        wrk.arg("--").arg(tokens);
    }
    let output = wrk.output().map_err(|why| format!("wrk could not be run: {why}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let counts = said.lines().find_map(|line| line.strip_prefix("counts "));
    let counts = counts.ok_or_else(|| format!("wrk said no counts: {said}"))?;
    let counts: Vec<usize> =
        counts.split(' ').map(str::parse).collect::<std::result::Result<_, _>>()?;
    match counts.as_slice() {
        [requests, 0, 0] if *requests > 0 => Ok(*requests),
        _ => Err(format!("requests, refused, broken: {counts:?} at {path}").into()),
    }
}

/// Asks once and gives the status and the body.
pub(crate) fn ask(port: u16, path: &str, token: Option<&str>) -> Result<(u16, String)> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    connection.set_read_timeout(Some(Duration::from_secs(10)))?;
    let token = token.map_or_else(String::new, |it| format!("Authorization: Bearer {it}\r\n"));
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{token}\r\n");
    connection.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    let status = text.get(9..12).and_then(|status| status.parse().ok()).ok_or("no answer")?;
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status, body.to_owned()))
}

/// Opens connections, asks once on each, and leaves them open.
pub(crate) fn idle_connections(port: u16, path: &str, count: usize) -> Result<Vec<TcpStream>> {
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        connection.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(connection, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")?;
        let mut answer = [0; 4096];
        if connection.read(&mut answer)? == 0 {
            return Err("the server hung up".into());
        }
        connections.push(connection);
    }
    Ok(connections)
}
