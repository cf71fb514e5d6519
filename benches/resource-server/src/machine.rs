//! Where and with what was measured, and which core does what.

use std::fs;
use std::process::Command;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::Result;

/// The machine's facts, one a line.
pub fn facts() -> Vec<(&'static str, String)> {
    vec![
        ("CPU", cpu()),
        ("cores", cores().to_string()),
        ("load average before", read("/proc/loadavg")),
        ("kernel", read("/proc/sys/kernel/osrelease")),
        ("compiler", output("rustc", &["--version"])),
        ("Node.js", output("node", &["--version"])),
        ("revision", revision()),
    ]
}

/// The cores of the machine.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Binds this thread, and what it starts from now on, to one core.
pub fn bind(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// A core for the server under measurement and one for the load; the same on a machine with one.
pub fn two_cores() -> Result<(usize, usize)> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    let mut cores = (0..CpuSet::count()).filter(|core| allowed.is_set(*core).unwrap_or_default());
    let first = cores.next().ok_or("no core")?;
    Ok((first, cores.next().unwrap_or(first)))
}

fn cpu() -> String {
    let text = read("/proc/cpuinfo");
    let model = text.lines().find_map(|line| line.strip_prefix("model name"));
    model.map_or_else(
        || "unknown".to_owned(),
        |name| name.trim_start_matches([' ', '\t', ':']).to_owned(),
    )
}

fn revision() -> String {
    const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let changes = output("git", &["-C", ROOT, "status", "--porcelain", "--", "crates"]);
    let name = output("git", &["-C", ROOT, "rev-parse", "--short", "HEAD"]);
    if changes.is_empty() { name } else { format!("{name}, with changes") }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

fn output(program: &str, arguments: &[&str]) -> String {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "none".to_owned(),
    }
}
