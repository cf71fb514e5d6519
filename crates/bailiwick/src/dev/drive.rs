//! The drive example: a Python process that ends with us.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::Failure;
use crate::cli::Dev;

const SOURCE: &str = include_str!("../../../../examples/drive/drive.py");

/// How long Python may take to start.
const START: Duration = Duration::from_secs(20);

/// The running drive API; killed when it is dropped.
pub(super) struct Drive {
    _child: Child,
    address: String,
}

impl Drive {
    /// Writes the program into the folder and starts it.
    pub(super) async fn start(options: &Dev, folder: &Path) -> Result<Self, Failure> {
        let program = folder.join("drive.py");
        std::fs::write(&program, SOURCE)?;
        let mut child = Command::new(&options.python)
            .arg(&program)
            .arg("--port")
            .arg(options.drive_port.to_string())
            .arg("--folder")
            .arg(folder.join("files"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                let python = options.python.display();
                Failure::new(format!(
                    "{python} does not start ({error}); name a Python 3 with --python"
                ))
            })?;
        let output =
            child.stdout.take().ok_or_else(|| Failure::new("the drive API has no output"))?;
        let mut lines = BufReader::new(output).lines();
        let line = tokio::time::timeout(START, lines.next_line())
            .await
            .map_err(|_| Failure::new("the drive API does not start in time"))??;
        let address = line
            .as_deref()
            .and_then(|line| line.strip_prefix("listening on "))
            .ok_or_else(|| Failure::new("the drive API ended before it listened"))?
            .to_owned();
        Ok(Self { _child: child, address })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> &str {
        &self.address
    }
}
