//! The workspace as cargo sees it: packages, their dependencies, their source files.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::Result;

/// The workspace around a folder.
#[derive(Deserialize)]
pub(crate) struct Workspace {
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
    /// Every crate of ours, those that stand apart included.
    pub(crate) packages: Vec<Package>,
    /// The manifests of crates of ours that are workspaces of their own, as they build for minutes.
    #[serde(skip)]
    pub(crate) apart: Vec<PathBuf>,
}

/// One package of ours.
#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a manifest's dependencies, by the name of the package it stands for.
#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    kind: Option<Kind>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Build,
    Dev,
}

impl Workspace {
    /// Asks cargo for the workspace that `folder` is in, and for the crates that stand apart.
    pub(crate) fn load(folder: &Path) -> Result<Self> {
        let mut workspace = Self::ask(folder)?;
        for manifest in manifests(&workspace.root.join("crates"))? {
            if workspace.packages.iter().all(|package| package.manifest_path != manifest) {
                let alone = Self::ask(manifest.parent().unwrap_or(&manifest))?;
                workspace.packages.extend(alone.packages);
                workspace.apart.push(manifest);
            }
        }
        Ok(workspace)
    }

    fn ask(folder: &Path) -> Result<Self> {
        let answer = cargo()
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .current_dir(folder)
            .stderr(Stdio::inherit())
            .output()?;
        if !answer.status.success() {
            return Err("cargo metadata failed; run it inside the repository".into());
        }
        Ok(serde_json::from_slice(&answer.stdout)?)
    }

    /// A path as it reads from the root of the repository, with `/`.
    pub(crate) fn relative(&self, path: &Path) -> String {
        let path = path.strip_prefix(&self.root).unwrap_or(path);
        path.components()
            .map(|part| part.as_os_str().to_string_lossy())
            .collect::<Vec<_>>()
            .join("/")
    }
}

impl Package {
    /// The name in the architecture: `bailiwick-oauth` is `oauth`.
    pub(crate) fn row(&self) -> &str {
        row(&self.name)
    }

    pub(crate) fn manifest(&self) -> &Path {
        &self.manifest_path
    }

    /// The folder of the package.
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }
}

impl Dependency {
    pub(crate) fn is_dev(&self) -> bool {
        self.kind == Some(Kind::Dev)
    }
}

/// The name that the architecture gives to a package of this name.
pub(crate) fn row(package: &str) -> &str {
    package.strip_prefix("bailiwick-").unwrap_or(package)
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The manifests of the crates in a folder, in order; none if there is no such folder.
fn manifests(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            let manifest = entry?.path().join("Cargo.toml");
            if manifest.is_file() {
                found.push(manifest);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// All files below `folder` with one of the endings, in order; none if there is no such folder.
pub(crate) fn files(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if folder.is_dir() {
        walk(folder, endings, &mut found)?;
    }
    found.sort();
    Ok(found)
}

fn walk(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            let is_made = matches!(name.as_str(), "target" | "node_modules" | "__pycache__");
            if !is_made && !name.starts_with('.') {
                walk(&path, endings, found)?;
            }
        } else if path.extension().and_then(OsStr::to_str).is_some_and(|e| endings.contains(&e)) {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A made-up workspace in a folder of its own.
    pub(crate) struct MadeUp {
        folder: tempfile::TempDir,
    }

    impl MadeUp {
        pub(crate) fn new() -> Self {
            let made_up = Self { folder: tempfile::tempdir().unwrap() };
            made_up
                .write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n");
            made_up
        }

        pub(crate) fn write(&self, path: &str, text: &str) -> &Self {
            let path = self.folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
            self
        }

        pub(crate) fn read(&self, path: &str) -> String {
            fs::read_to_string(self.folder.path().join(path)).unwrap()
        }

        /// A package `bailiwick-<row>` with these dependency lines and an empty library.
        pub(crate) fn package(&self, row: &str, dependencies: &str) -> &Self {
            let manifest = format!(
                "[package]\nname = \"bailiwick-{row}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
                 [dependencies]\n{dependencies}\n"
            );
            self.write(&format!("crates/{row}/Cargo.toml"), &manifest);
            self.write(&format!("crates/{row}/src/lib.rs"), "//! A made-up crate.\n")
        }

        /// The same as a workspace of its own, which the root excludes.
        pub(crate) fn package_apart(&self, row: &str, dependencies: &str) -> &Self {
            self.package(row, dependencies);
            let manifest = format!("crates/{row}/Cargo.toml");
            self.write(&manifest, &format!("[workspace]\n{}", self.read(&manifest)));
            let root = self.read("Cargo.toml");
            self.write("Cargo.toml", &format!("{root}exclude = [\"crates/{row}\"]\n"))
        }

        pub(crate) fn load(&self) -> Workspace {
            Workspace::load(self.folder.path()).unwrap()
        }
    }

    #[test]
    fn a_package_is_named_by_its_row() {
        assert_eq!(row("bailiwick-oauth"), "oauth");
        assert_eq!(row("bailiwick"), "bailiwick");
        assert_eq!(row("orders"), "orders");
    }

    #[test]
    fn a_crate_apart_is_one_of_ours() {
        let made_up = MadeUp::new();
        made_up.package("oauth", "").package_apart("heavy", "");
        let workspace = made_up.load();
        let names: Vec<_> = workspace.packages.iter().map(Package::row).collect();
        assert_eq!(names, ["oauth", "heavy"]);
        assert_eq!(workspace.apart, [workspace.root.join("crates/heavy/Cargo.toml")]);
    }

    #[test]
    fn what_was_built_or_installed_is_no_source() {
        let made_up = MadeUp::new();
        for path in ["a/b.rs", "a/c.mjs", "a/d.txt", "target/e.rs", "node_modules/f.mjs", ".g/h.rs"]
        {
            made_up.write(path, "");
        }
        let found = files(made_up.folder.path(), &["rs", "mjs"]).unwrap();
        let names: Vec<_> = found.iter().map(|path| path.file_name().unwrap()).collect();
        assert_eq!(names, ["b.rs", "c.mjs"]);
    }
}
