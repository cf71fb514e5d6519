//! The command line.

use std::path::PathBuf;

use bench_resource_server::Result;

const USAGE: &str = "\
usage: cargo xtask bench gateway [--quick] [--write]

  --quick   few rounds: does it work, not what does it cost
  --write   write the result to benches/GATEWAY.md as well";

/// What to measure, and with which programs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Few rounds only.
    pub(crate) quick: bool,
    /// Where to write the result as well.
    pub(crate) write: Option<PathBuf>,
    /// The program that is measured.
    pub(crate) bailiwick: PathBuf,
    /// Envoy, which is on no usual path.
    pub(crate) envoy: PathBuf,
}

impl Options {
    /// Reads arguments.
    ///
    /// # Errors
    /// With the usage, for an unknown one.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut options = Self::default();
        for argument in arguments {
            match argument.split_once('=') {
                None if argument == "--quick" => options.quick = true,
                None if argument == "--write" => {
                    let results = concat!(env!("CARGO_MANIFEST_DIR"), "/../GATEWAY.md");
                    options.write = Some(PathBuf::from(results));
                }
                Some(("--bailiwick", path)) => options.bailiwick = path.into(),
                Some(("--envoy", path)) => options.envoy = path.into(),
                _ => return Err(format!("unknown option {argument}\n\n{USAGE}").into()),
            }
        }
        Ok(options)
    }

    /// Rounds, of a second for each arm.
    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 2 } else { 15 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_unknown_ones_refused() -> Result<()> {
        let parse = |arguments: &[&str]| {
            Options::parse(arguments.iter().map(|argument| (*argument).to_owned()))
        };
        let options = parse(&["--quick", "--envoy=/opt/envoy"])?;
        assert!(options.quick && options.envoy == PathBuf::from("/opt/envoy"));
        assert!(parse(&["--fast"]).is_err());
        Ok(())
    }
}
