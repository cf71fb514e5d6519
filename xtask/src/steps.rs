//! `cargo xtask test` and `cargo xtask ci`: the steps, in order, until one fails.

pub(crate) mod tools;

use std::fmt;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::workspace::{Workspace, cargo};
use crate::{Result, layers, specs};

/// How long a run may take.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// What every change runs.
    Usual,
    /// More cases and longer races: tests read `BAILIWICK_FULL=1`. And the crates that stand apart,
    /// as they build for minutes.
    Full,
}

struct Step {
    name: &'static str,
    run: fn(&Workspace, Length) -> Result<Outcome>,
}

enum Outcome {
    Passed,
    Skipped(&'static str),
}

const TEST: [Step; 6] = [
    Step { name: "layers", run: |workspace, _| passed(layers::run(workspace)) },
    Step { name: "specs --check", run: |workspace, _| passed(specs::check(workspace)) },
    Step { name: "fmt --check", run: format },
    Step { name: "cargo test (unit, integration and doc tests)", run: tests },
    Step { name: "drive (the Python example)", run: drive },
    Step { name: "e2e (browser and real processes)", run: end_to_end },
];

const LINT: [Step; 3] = [
    Step { name: "clippy", run: clippy },
    Step { name: "rustdoc", run: rustdoc },
    Step { name: "cargo-deny", run: deny },
];

/// Runs everything that a change must pass.
pub(crate) fn test(workspace: &Workspace, length: Length) -> Result<()> {
    run(TEST.iter(), workspace, length)
}

/// Runs the linters, then [`test()`].
pub(crate) fn ci(workspace: &Workspace, length: Length) -> Result<()> {
    run(LINT.iter().chain(&TEST), workspace, length)
}

fn run<'s>(
    steps: impl Iterator<Item = &'s Step> + Clone,
    workspace: &Workspace,
    length: Length,
) -> Result<()> {
    let total = steps.clone().count();
    let mut summary = Vec::new();
    let mut failure = None;
    let begin = Instant::now();
    for (at, step) in steps.enumerate() {
        println!("\n=== {} of {total}: {} ===", at + 1, step.name);
        let begin = Instant::now();
        let outcome = (step.run)(workspace, length);
        let took = Took(begin.elapsed());
        match outcome {
            Ok(Outcome::Passed) => summary.push(format!("passed   {took}  {}", step.name)),
            Ok(Outcome::Skipped(why)) => {
                println!("skipped: {why}");
                summary.push(format!("skipped  {took}  {} ({why})", step.name));
            }
            Err(fault) => {
                eprintln!("{fault}");
                summary.push(format!("FAILED   {took}  {}", step.name));
                failure = Some(step.name);
                break;
            }
        }
    }
    println!("\n=== total ===");
    for line in &summary {
        println!("{line}");
    }
    println!("{} of {total} steps in {}", summary.len(), Took(begin.elapsed()));
    match failure {
        Some(step) => Err(format!("failed at: {step}").into()),
        None => Ok(()),
    }
}

/// A duration in a column.
struct Took(Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        write!(f, "{:3} min {:02} s", seconds / 60, seconds % 60)
    }
}

fn passed(outcome: Result<()>) -> Result<Outcome> {
    outcome.map(|()| Outcome::Passed)
}

fn format(workspace: &Workspace, _: Length) -> Result<Outcome> {
    tools::component("fmt", "rustfmt")?;
    execute(cargo().args(["fmt", "--all", "--check"]), workspace, Length::Usual)?;
    passed(apart(&["fmt", "--check"], workspace, Length::Usual))
}

fn tests(workspace: &Workspace, length: Length) -> Result<Outcome> {
    tools::redis_server()?;
    let mut tests = cargo();
    tests.args(["test", "--workspace", "--no-fail-fast"]);
    if let Some(helm) = tools::helm(&workspace.root.join("e2e/.tools"))? {
        tests.env("HELM", helm);
    }
    if length == Length::Full {
        match tools::h2spec(&workspace.root.join("e2e/.tools")) {
            Ok(program) => drop(tests.env("H2SPEC", program)),
            Err(why) => println!("left out: h2spec ({why})"),
        }
    }
    execute(&mut tests, workspace, length)?;
    passed(if_full(length, || apart(&["test", "--no-fail-fast"], workspace, length)))
}

fn drive(workspace: &Workspace, length: Length) -> Result<Outcome> {
    let folder = workspace.root.join("examples/drive");
    let mut python = Command::new("python3");
    python.args(["-B", "-m", "unittest"]).arg("test_drive").env("PYTHONPATH", &folder);
    passed(execute(&mut python, workspace, length))
}

fn end_to_end(workspace: &Workspace, length: Length) -> Result<Outcome> {
    let e2e = workspace.root.join("e2e");
    tools::node()?;
    tools::npm_packages(&e2e)?;
    tools::python_packages(&e2e.join("mcp/requirements.txt"), &e2e.join(".tools/mcp"))?;
    tools::chromium()?;
    tools::proxies(&e2e)?;
    // As the tests before built it: another choice of packages would build its dependencies anew.
    execute(cargo().args(["test", "--workspace", "--no-run", "--quiet"]), workspace, length)?;
    let binary = workspace.target.join("debug/bailiwick");
    let mut node = Command::new("node");
    node.arg(e2e.join("run.mjs")).env("BAILIWICK_BIN", binary);
    passed(execute(&mut node, workspace, length))
}

fn clippy(workspace: &Workspace, length: Length) -> Result<Outcome> {
    tools::component("clippy", "clippy")?;
    let mut clippy = cargo();
    clippy.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    execute(&mut clippy, workspace, length)?;
    let args = ["clippy", "--all-targets", "--", "-D", "warnings"];
    passed(if_full(length, || apart(&args, workspace, length)))
}

fn rustdoc(workspace: &Workspace, length: Length) -> Result<Outcome> {
    let mut doc = cargo();
    doc.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    passed(execute(&mut doc, workspace, length))
}

fn deny(workspace: &Workspace, length: Length) -> Result<Outcome> {
    if !tools::is_installed("cargo-deny") {
        return Ok(Outcome::Skipped("install it with `cargo install --locked cargo-deny`"));
    }
    passed(execute(cargo().args(["deny", "check"]), workspace, length))
}

/// Runs a command of cargo for each crate that stands apart from the workspace.
fn apart(args: &[&str], workspace: &Workspace, length: Length) -> Result<()> {
    let (command, args) = args.split_first().ok_or("no command for cargo")?;
    workspace.apart.iter().try_for_each(|manifest| {
        let mut cargo = cargo();
        cargo.arg(command).arg("--manifest-path").arg(manifest).args(args);
        execute(&mut cargo, workspace, length)
    })
}

fn if_full(length: Length, run: impl FnOnce() -> Result<()>) -> Result<()> {
    if length == Length::Full { run() } else { Ok(()) }
}

/// Runs a command in the root of the repository, its output going to the terminal.
fn execute(command: &mut Command, workspace: &Workspace, length: Length) -> Result<()> {
    if length == Length::Full {
        command.env("BAILIWICK_FULL", "1");
    }
    tools::succeed(command.current_dir(&workspace.root))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::MadeUp;

    #[test]
    fn the_first_failing_step_is_the_last() {
        let steps = [
            Step { name: "one", run: |_, _| Ok(Outcome::Passed) },
            Step { name: "two", run: |_, _| Ok(Outcome::Skipped("not here")) },
            Step { name: "three", run: |_, _| Err("it broke".into()) },
            Step { name: "four", run: |_, _| unreachable!("a step after the failing one") },
        ];
        let made_up = MadeUp::new();
        made_up.package("oauth", "");
        let fault = run(steps.iter(), &made_up.load(), Length::Usual).unwrap_err();
        assert_eq!(fault.to_string(), "failed at: three");
        run(steps[..2].iter(), &made_up.load(), Length::Usual).unwrap();
    }

    #[test]
    fn the_full_run_is_told_to_the_tests() {
        let made_up = MadeUp::new();
        made_up.package("oauth", "");
        let mut shell = Command::new("sh");
        shell.args(["-c", "test \"$BAILIWICK_FULL\" = 1"]).env_remove("BAILIWICK_FULL");
        execute(&mut shell, &made_up.load(), Length::Usual).unwrap_err();
        execute(&mut shell, &made_up.load(), Length::Full).unwrap();
    }

    #[test]
    fn durations_stand_in_a_column() {
        assert_eq!(Took(Duration::from_millis(65_900)).to_string(), "  1 min 05 s");
    }
}
