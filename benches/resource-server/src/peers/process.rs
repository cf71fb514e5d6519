//! A server under measurement: a process of its own, on a core of its own.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

use crate::{Result, machine};

/// A server that can be measured.
#[derive(Debug)]
pub struct Peer {
    /// The name of its package.
    pub name: &'static str,
    /// The peer that is the same without protection; `None` for such a one.
    pub framework: Option<&'static str>,
    runs: Runs,
}

#[derive(Debug, Clone, Copy)]
enum Runs {
    /// A program beside this one.
    Program(&'static str),
    /// The Express server, protected or bare.
    Express(&'static str),
}

/// All of them; the first two are what the others are compared with.
pub const KNOWN: [Peer; 7] = [
    Peer { name: "axum", framework: None, runs: Runs::Program("bench-peer-bare") },
    Peer {
        name: "bailiwick-resource-server",
        framework: Some("axum"),
        runs: Runs::Program("bench-peer-bailiwick"),
    },
    Peer {
        name: "tower-oauth2-resource-server",
        framework: Some("axum"),
        runs: Runs::Program("bench-peer-tower-oauth2-resource-server"),
    },
    Peer {
        name: "huskarl-resource-server",
        framework: Some("axum"),
        runs: Runs::Program("bench-peer-huskarl-resource-server"),
    },
    Peer {
        name: "oauth-resource-server",
        framework: Some("axum"),
        runs: Runs::Program("bench-peer-oauth-resource-server"),
    },
    Peer { name: "express", framework: None, runs: Runs::Express("bare") },
    Peer {
        name: "express-oauth2-jwt-bearer",
        framework: Some("express"),
        runs: Runs::Express("protected"),
    },
];

impl Peer {
    /// Its version, as the lock files have it.
    pub fn version(&self) -> String {
        let found = match self.runs {
            Runs::Program(_) => in_cargo_lock(self.name),
            Runs::Express(_) => in_package_lock(self.name),
        };
        found.unwrap_or_default()
    }

    fn command(&self) -> Result<Command> {
        match self.runs {
            Runs::Program(name) => {
                let path = std::env::current_exe()?.with_file_name(name);
                if !path.exists() {
                    return Err("it was not built".into());
                }
                Ok(Command::new(path))
            }
            Runs::Express(mode) => {
                let folder =
                    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../peers/express"));
                if !folder.join("node_modules").exists() {
                    return Err("its npm packages are not installed".into());
                }
                let mut node = Command::new("node");
                node.arg(folder.join("server.cjs")).env("NODE_ENV", "production");
                node.env("BENCH_MODE", mode); // protected, or bare
                Ok(node)
            }
        }
    }
}

/// A peer that runs; it ends with this value.
pub(super) struct Server {
    pub(super) peer: &'static Peer,
    pub(super) port: u16,
    clock: ClockId,
    child: Child,
}

impl Server {
    /// Starts it on the first of two cores and returns to the second.
    pub(super) fn start(
        peer: &'static Peer,
        (its, ours): (usize, usize),
        issuer: &str,
        resource: &str,
    ) -> Result<Self> {
        let mut command = peer.command()?;
        command.args([issuer, resource]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        machine::bind(its)?; // what is started inherits it
        let child = command.spawn();
        machine::bind(ours)?;
        let mut child = child.map_err(|why| format!("it could not be started: {why}"))?;
        let pid = Pid::from_raw(i32::try_from(child.id())?);
        match listening(&mut child) {
            Ok(port) => Ok(Self { peer, port, clock: clock_getcpuclockid(pid)?, child }),
            Err(why) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(why)
            }
        }
    }

    /// The CPU time that the process has used so far, all its threads and the kernel for them.
    pub(super) fn cpu_time(&self) -> Result<Duration> {
        Ok(self.clock.now()?.into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the port that the server prints.
fn listening(child: &mut Child) -> Result<u16> {
    let out = child.stdout.take().ok_or("it has no output")?;
    let (said, hear) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(out).read_line(&mut line);
        let _ = said.send(line);
    });
    let line =
        hear.recv_timeout(Duration::from_secs(20)).map_err(|_| "it did not start in time")?;
    line.trim().parse().map_err(|_| "it ended before it listened".into())
}

fn in_cargo_lock(name: &str) -> Option<String> {
    let lock = include_str!("../../../Cargo.lock");
    let (_, after) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    Some(after.split('"').next()?.to_owned())
}

fn in_package_lock(name: &str) -> Option<String> {
    let lock = include_str!("../../../peers/express/package-lock.json");
    let lock: serde_json::Value = serde_json::from_str(lock).ok()?;
    Some(lock["packages"][format!("node_modules/{name}")]["version"].as_str()?.to_owned())
}
