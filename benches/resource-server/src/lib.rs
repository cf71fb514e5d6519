//! Measures `bailiwick-resource-server`: in process beside the bare signature verification, and
//! over HTTP beside its peers. See `benches/README.md` for what is measured and how to read it.

pub mod case;
pub mod machine;
pub mod measure;
pub mod mint;
pub mod options;
pub mod peers;
pub mod scale;
pub mod table;
pub mod token;

/// Whatever goes wrong ends the run: half a measurement is none.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
