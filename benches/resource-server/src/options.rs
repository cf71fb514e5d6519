//! The command line.

use std::path::PathBuf;

use crate::Result;

/// How to use the program.
pub const USAGE: &str = "\
usage: cargo xtask bench resource-server [--quick] [--no-peers] [--write]

  --quick     few rounds: does it work, not what does it cost
  --no-peers  in process only
  --write     write the result to benches/RESULTS.md as well";

/// What to measure.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Few rounds only.
    pub quick: bool,
    /// In process only.
    pub no_peers: bool,
    /// Where to write the result as well.
    pub write: Option<PathBuf>,
    /// Peers that could not be built, and why.
    pub left_out: Vec<(String, String)>,
}

impl Options {
    /// Reads arguments.
    ///
    /// # Errors
    /// With the usage, for an unknown one.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut options = Self::default();
        for argument in arguments {
            match argument.split_once('=') {
                None if argument == "--quick" => options.quick = true,
                None if argument == "--no-peers" => options.no_peers = true,
                None if argument == "--write" => options.write = Some(results()),
                Some(("--left-out", which)) => {
                    let (name, why) = which.split_once(':').unwrap_or((which, "not built"));
                    options.left_out.push((name.to_owned(), why.to_owned()));
                }
                _ => return Err(format!("unknown option {argument}\n\n{USAGE}").into()),
            }
        }
        Ok(options)
    }

    /// Rounds in process; the issue that set the targets asks for thirty.
    pub fn rounds(&self) -> usize {
        if self.quick { 5 } else { 60 }
    }

    /// Rounds over HTTP.
    pub fn peer_rounds(&self) -> usize {
        if self.quick { 3 } else { 30 }
    }
}

fn results() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../RESULTS.md"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_unknown_ones_refused() {
        let parse = |arguments: &[&str]| {
            Options::parse(arguments.iter().map(|argument| (*argument).to_owned()))
        };
        let options =
            parse(&["--quick", "--left-out=huskarl:no compiler: none"]).unwrap_or_default();
        assert!(options.quick && !options.no_peers);
        let left_out = ("huskarl".to_owned(), "no compiler: none".to_owned());
        assert_eq!(options.left_out, [left_out]);
        assert!(parse(&["--fast"]).is_err());
    }
}
