//! `replay`: what another configuration of the gateway would change, by recorded decisions.

use std::fs::File;
use std::io::{BufReader, Read};
use std::process::ExitCode;

use bailiwick_gateway::Replayed;

use crate::Failure;
use crate::cli::Replay;

/// Prints what changes; 1 when something that passed would be refused.
pub(crate) fn run(options: &Replay) -> Result<ExitCode, Failure> {
    let config = crate::gateway::load(&options.config.config)?;
    let mut records: Box<dyn Read> = Box::new(std::io::empty());
    for file in &options.records {
        let opened = File::open(file)
            .map_err(|error| Failure::from(error).during(&file.display().to_string()))?;
        records = Box::new(records.chain(opened));
    }
    let replayed = Replayed::of(BufReader::new(records), &config)?;
    println!("{replayed}");
    Ok(if replayed.refuses_more() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
