//! Lines on their way to a file, written by a thread of their own: no request waits for a disk.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, JoinHandle};

/// Lines on their way to where they are kept.
#[derive(Debug)]
pub(crate) struct Lines {
    /// `None` only while it is dropped.
    queue: Option<SyncSender<Vec<u8>>>,
    lost: AtomicU64,
    place: Place,
    thread: Option<JoinHandle<()>>,
}

/// Where lines are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Standard error.
    StandardError,
    /// A file, which somebody else moves away when it is large.
    File(PathBuf),
    /// A file that is moved to `….1`, that to `….2`, and so on, when it is large.
    Rotated { file: PathBuf, most_octets: u64, kept: usize },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StandardError => f.write_str("standard error"),
            Self::File(file) | Self::Rotated { file, .. } => file.display().fmt(f),
        }
    }
}

impl Lines {
    /// Begins to write.
    ///
    /// # Errors
    /// When the file cannot be opened, or a thread cannot be had.
    pub(crate) fn open(place: Place) -> io::Result<Self> {
        let mut output = Output::open(place.clone())?;
        let (queue, lines) = mpsc::sync_channel(QUEUE);
        let write = move || output.write_all_of(&lines);
        let thread = thread::Builder::new().name("lines".to_owned()).spawn(write)?;
        Ok(Self { queue: Some(queue), lost: AtomicU64::new(0), place, thread: Some(thread) })
    }

    /// Hands a line over, with its end; it is lost when too many are waiting.
    pub(crate) fn write(&self, line: Vec<u8>) {
        if self.queue.as_ref().is_none_or(|queue| queue.try_send(line).is_err()) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Where they are kept.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// How many lines were lost.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.queue = None;
        // Without a sender the thread writes what is left and ends.
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the thread that writes lines panicked");
        }
    }
}

struct Output {
    place: Place,
    writer: Writer,
    /// How much the file holds.
    octets: u64,
    is_failing: bool,
}

enum Writer {
    StandardError(io::Stderr),
    File(BufWriter<File>),
}

impl Output {
    fn open(place: Place) -> io::Result<Self> {
        let (writer, octets) = match &place {
            Place::StandardError => (Writer::StandardError(io::stderr()), 0),
            Place::File(file) | Place::Rotated { file, .. } => {
                let file = append(file)?;
                let octets = file.metadata()?.len();
                (Writer::File(BufWriter::new(file)), octets)
            }
        };
        Ok(Self { place, writer, octets, is_failing: false })
    }

    /// Writes until there is no sender any more.
    fn write_all_of(&mut self, lines: &Receiver<Vec<u8>>) {
        while let Ok(first) = lines.recv() {
            let mut outcome = self.before().and_then(|()| self.write(&first));
            for line in lines.try_iter().take(QUEUE) {
                outcome = outcome.and_then(|()| self.write(&line));
            }
            outcome = outcome.and_then(|()| self.flush());
            self.tell(&outcome);
        }
    }

    /// Says once that lines cannot be written, and once that they can again.
    fn tell(&mut self, outcome: &io::Result<()>) {
        match outcome {
            Err(error) if !self.is_failing => tracing::error!(%error, "lines cannot be written"),
            Ok(()) if self.is_failing => tracing::info!("lines can be written again"),
            _ => {}
        }
        self.is_failing = outcome.is_err();
    }

    /// Opens the file anew when it was moved away, or when the last time failed.
    fn before(&mut self) -> io::Result<()> {
        let (Writer::File(writer), Place::File(path) | Place::Rotated { file: path, .. }) =
            (&self.writer, &self.place)
        else {
            return Ok(());
        };
        if self.is_failing || !is_at(writer.get_ref(), path) {
            let place = self.place.clone();
            let is_failing = self.is_failing;
            *self = Self { is_failing, ..Self::open(place)? };
        }
        Ok(())
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let length = line.len() as u64;
        if let Place::Rotated { most_octets, .. } = self.place
            && self.octets > 0
            && self.octets + length > most_octets
        {
            self.rotate()?;
        }
        self.octets += length;
        match &mut self.writer {
            Writer::StandardError(writer) => writer.write_all(line),
            Writer::File(writer) => writer.write_all(line),
        }
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.flush()?;
        if let Place::Rotated { file, kept, .. } = &self.place {
            for number in (1..*kept).rev() {
                match std::fs::rename(numbered(file, number), numbered(file, number + 1)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            std::fs::rename(file, numbered(file, 1))?;
        }
        *self = Self { is_failing: self.is_failing, ..Self::open(self.place.clone())? };
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.writer {
            Writer::StandardError(writer) => writer.flush(),
            Writer::File(writer) => writer.flush(),
        }
    }
}

fn numbered(file: &Path, number: usize) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

/// For its owner to read, and the owner's group.
fn append(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    options.open(file)
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let of = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata().map(of), path.metadata().map(of)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// The most lines that wait.
const QUEUE: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn large_files_are_rotated_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lines");
        let place = Place::Rotated { file: file.clone(), most_octets: 8, kept: 2 };
        let lines = Lines::open(place).unwrap();
        for number in 1..=7 {
            lines.write(format!("{number}..\n").into_bytes());
        }
        drop(lines);
        assert_eq!(read(&file), "7..\n");
        assert_eq!(read(&numbered(&file, 1)), "5..\n6..\n");
        assert_eq!(read(&numbered(&file, 2)), "3..\n4..\n");
        assert!(!numbered(&file, 3).exists());
    }

    #[test]
    fn a_file_that_was_moved_away_is_opened_anew() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lines");
        let mut output = Output::open(Place::File(file.clone())).unwrap();
        for line in [b"a\n", b"b\n"] {
            output.before().and_then(|()| output.write(line)).unwrap();
            output.flush().unwrap();
            std::fs::rename(&file, folder.path().join(format!("moved-{}", line[0] as char)))
                .unwrap();
        }
        assert_eq!(read(&folder.path().join("moved-a")), "a\n");
        assert_eq!(read(&folder.path().join("moved-b")), "b\n");
    }
}
