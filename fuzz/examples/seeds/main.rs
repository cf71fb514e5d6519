//! Writes the committed seeds: `cargo run -p bailiwick-fuzz --example seeds`.
//!
//! Every target has good seeds, which it must accept, and bad ones, which it must refuse: one at
//! least for each line of what is known to try to get in. Seeds with randomness inside (ES256,
//! encryption) differ each time, and replace the ones before.
#![allow(clippy::unwrap_used, reason = "a tool for development")]

mod hostile;
mod published;
mod sent;

use std::fs;

use bailiwick_fuzz::{Target, folder};

fn main() {
    for target in Target::ALL {
        let _ = fs::remove_dir_all(folder("seeds", target.name));
    }
    sent::write();
    hostile::write();
    published::write();
}

/// Writes one seed; its name begins with `good` or `bad`.
fn seed(target: &str, name: &str, input: impl AsRef<[u8]>) {
    let folder = folder("seeds", Target::named(target).name);
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    assert!(!path.exists(), "{target}: two seeds are called {name}");
    fs::write(path, input).unwrap();
}
