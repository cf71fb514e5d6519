//! A proxy under measurement: one process with one worker, on a core of its own.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bench_resource_server::{Result, machine};
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

/// A process that listens; it ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    clock: ClockId,
    child: Child,
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A configuration with its `{names}` filled in, as a file.
pub(crate) fn configuration(folder: &Path, name: &str, values: &[(&str, &str)]) -> Result<String> {
    let template = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/configs")).join(name);
    let mut text = fs::read_to_string(template)?;
    for (name, value) in values {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    let path = folder.join(format!("{}-{name}", values.first().map_or("", |(_, value)| value)));
    fs::write(&path, text)?;
    Ok(path.to_string_lossy().into_owned())
}

impl Server {
    /// Starts a program on a core and waits until it listens; this thread returns to its own core.
    pub(crate) fn start(
        name: &'static str,
        mut command: Command,
        port: u16,
        (its, ours): (usize, usize),
    ) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        machine::bind(its)?; // what is started inherits it
        let child = command.spawn();
        machine::bind(ours)?;
        let child = child.map_err(|why| format!("{name} could not be started: {why}"))?;
        let pid = Pid::from_raw(i32::try_from(child.id())?);
        let mut server = Self { name, port, clock: clock_getcpuclockid(pid)?, child };
        server.until_it_listens()?;
        Ok(server)
    }

    fn until_it_listens(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if self.child.try_wait()?.is_some() || Instant::now() > deadline {
                let _ = self.child.kill();
                let mut said = String::new();
                if let Some(mut stderr) = self.child.stderr.take() {
                    std::io::Read::read_to_string(&mut stderr, &mut said)?;
                }
                return Err(format!("{} does not listen: {said}", self.name).into());
            }
            // The pause of a poll with a deadline, which leaves it the core to start; nothing is
            // measured yet.
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// The CPU time that the process has used so far, all its threads and the kernel for them.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        Ok(self.clock.now()?.into())
    }

    /// The memory that the process occupies, in KiB.
    pub(crate) fn resident(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?;
        Ok(number.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
