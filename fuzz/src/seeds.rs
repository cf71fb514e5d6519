//! The inputs that are committed, and those that once failed here.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of this crate's `seeds` or `crashes` for a target.
pub fn folder(kind: &str, target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(target)
}

/// The files of a folder, by name and in order; none if there is no such folder.
pub fn read(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    found.sort();
    found
}

/// The seeds of a target that must be accepted.
pub(crate) fn good(target: &str) -> Vec<Vec<u8>> {
    let seeds = read(&folder("seeds", target)).into_iter();
    seeds.filter(|(name, _)| name.starts_with("good")).map(|(_, bytes)| bytes).collect()
}
