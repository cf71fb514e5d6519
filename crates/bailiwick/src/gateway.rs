//! `gateway` and `check gateway`: the gateway from its configuration file.

use std::path::Path;

use bailiwick_gateway::{Config, Gateway};

use crate::Failure;

/// Runs the gateway until it is told to stop. Must not be called from within a runtime: the
/// gateway has one of its own per core.
pub(crate) fn run(path: &Path) -> Result<(), Failure> {
    let config = load(path)?;
    eprintln!("listening on http://{}", config.listen);
    Ok(Gateway::new(config)?.run(crate::serve::until_stopped())?)
}

/// Reads the configuration and says what is wrong with it.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    let config = load(path)?;
    let routes: usize = config.resources.iter().map(|resource| resource.routes.len()).sum();
    println!("{}: good; {} resources, {routes} routes", path.display(), config.resources.len());
    Ok(())
}

/// Reads the configuration file.
pub(crate) fn load(path: &Path) -> Result<Config, Failure> {
    Config::load(path).map_err(|error| Failure::usage(error.to_string()))
}
