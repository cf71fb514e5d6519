//! The one binary: what an operator, a developer and a demonstration need.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "tests"))]
#![allow(rustdoc::bare_urls, reason = "the command line's help is no Markdown")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

mod check;
mod cli;
mod closed_loop;
mod dev;
mod explain;
mod failure;
mod gateway;
mod grant;
mod import;
mod registration;
mod registry;
mod replay;
mod serve;
mod token;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use tracing_subscriber::EnvFilter;

use cli::{Check, Cli, Command};
use failure::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("bailiwick: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    // Logs go to standard error, what was asked for to standard output.
    let default = match &command {
        Command::Serve(_) | Command::Gateway(_) => "info,refinery_core=warn",
        _ => "warn",
    };
    let filter =
        EnvFilter::try_from_env("BAILIWICK_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    if let Command::Completions { shell } = command {
        clap_complete::generate(shell, &mut Cli::command(), "bailiwick", &mut std::io::stdout());
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Gateway(from) = &command {
        return gateway::run(&from.config).map(|()| ExitCode::SUCCESS);
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        match command {
            Command::Dev(options) => return dev::run(options).await,
            Command::Serve(from) => serve::run(&from.config).await?,
            Command::Check(Check::Serve(from)) => serve::check(&from.config)?,
            Command::Check(Check::Gateway(options)) => return check::gateway(options).await,
            Command::Import(command) => import::run(&command)?,
            Command::Resource(command) => return registry::resource(command).await,
            Command::Grant(command) => grant::run(command).await?,
            Command::Client(command) => registry::client(command).await?,
            Command::User(command) => registry::user(command).await?,
            Command::Registration(command) => registration::run(command).await?,
            Command::Token(options) => token::run(*options).await?,
            Command::Replay(options) => return replay::run(&options),
            Command::Explain(options) => return explain::run(options).await,
            Command::Gateway(_) | Command::Completions { .. } => {}
        }
        Ok(ExitCode::SUCCESS)
    })
}
