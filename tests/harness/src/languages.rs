//! Programs in other languages, with the packages that their files pin.
//!
//! Packages are installed below `target/languages` when they are first needed, and again when the files that pin them
//! change. Several processes may ask at once: one installs, the others wait.
//!
//! ```no_run
//! use std::path::Path;
//!
//! let python = harness::languages::python(Path::new("programs/requirements.txt")).unwrap();
//! let status = std::process::Command::new(python).arg("programs/main.py").status();
//! ```

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What to do where Python is lacking.
const PYTHON: &str = "Python 3 with venv and pip is needed: apt-get install python3 python3-venv";
/// What to do where Node is lacking.
const NODE: &str = "Node 18 or later with npm is needed: apt-get install nodejs npm";

/// A Python that has what the file `requirements` pins: the path of its interpreter.
///
/// # Errors
/// Python or its `venv` is not installed, or a package can't be had: says what to install, or pip's own words.
pub fn python(requirements: &Path) -> Result<PathBuf, String> {
    let pinned = read(requirements)?;
    let place = Place::of("python", requirements, &pinned)?;
    let interpreter = place.folder.join("bin/python");
    place.fill(|folder| {
        let version = Command::new("python3").args(["-c", "import ensurepip, venv"]).output();
        if !version.is_ok_and(|output| output.status.success()) {
            return Err(PYTHON.to_owned());
        }
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
        let mut pip = Command::new(&interpreter);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]);
        run(pip.arg(requirements))
    })?;
    Ok(interpreter)
}

/// A package of Node, ready to run.
#[derive(Debug, Clone)]
pub struct Node {
    /// The interpreter.
    pub program: PathBuf,
    /// A copy of the package's files, beside what its lock file pins.
    pub folder: PathBuf,
}

/// The package in the folder `package`, with what its `package-lock.json` pins.
///
/// # Errors
/// Node or npm is not installed, or a package can't be had: says what to install, or npm's own words.
pub fn node(package: &Path) -> Result<Node, String> {
    let pinned = read(&package.join("package.json"))? + &read(&package.join("package-lock.json"))?;
    let place = Place::of("node", package, &pinned)?;
    let recent = "process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)";
    if !Command::new("node").args(["-e", recent]).status().is_ok_and(|status| status.success()) {
        return Err(NODE.to_owned());
    }
    place.fill(|folder| {
        if !Command::new("npm").arg("--version").output().is_ok_and(|output| output.status.success()) {
            return Err(NODE.to_owned());
        }
        copy(package, folder)?;
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(folder))
    })?;
    copy(package, &place.folder)?;
    Ok(Node { program: "node".into(), folder: place.folder })
}

/// Where packages are installed.
struct Place {
    folder: PathBuf,
    /// What is to be installed, as the file beside the folder says it once that is done.
    pinned: String,
}

impl Place {
    fn of(language: &str, what: &Path, pinned: &str) -> Result<Self, String> {
        let what = what.canonicalize().map_err(|error| format!("{}: {error}", what.display()))?;
        // One folder per program, and not per version of its pins, so that old ones do not pile up.
        let name: String = what.display().to_string().chars().map(plain).collect();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."));
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder));
        let folder = target.join("languages").join(format!("{language}{name}"));
        fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        Ok(Self { folder, pinned: pinned.to_owned() })
    }

    /// Installs, unless that was done; whoever comes meanwhile waits.
    fn fill(&self, install: impl FnOnce(&Path) -> Result<(), String>) -> Result<(), String> {
        let (stamp, lock) = (self.folder.with_extension("installed"), self.folder.with_extension("lock"));
        let told = |error: std::io::Error| format!("{}: {error}", lock.display());
        let lock = File::create(&lock).map_err(told)?;
        lock.lock().map_err(told)?;
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == self.pinned) {
            return Ok(());
        }
        let _ = fs::remove_file(&stamp);
        install(&self.folder)?;
        let written = File::create(&stamp).and_then(|mut file| file.write_all(self.pinned.as_bytes()));
        written.map_err(|error| format!("cannot write {}: {error}", stamp.display()))
    }
}

fn plain(c: char) -> char {
    if c.is_ascii_alphanumeric() { c } else { '-' }
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

/// Copies the files of a folder, its own folders aside. A file appears whole or not at all, as others may be reading it.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let entries = fs::read_dir(from).map_err(|error| format!("cannot read {}: {error}", from.display()))?;
    for file in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()) {
        let Some(name) = file.file_name() else { continue };
        let half = to.join(format!(".{}-{}", name.to_string_lossy(), std::process::id()));
        let copied = fs::copy(&file, &half).and_then(|_| fs::rename(&half, to.join(name)));
        copied.map_err(|error| format!("cannot copy {}: {error}", file.display()))?;
    }
    Ok(())
}

fn run(command: &mut Command) -> Result<(), String> {
    let shown = format!("{command:?}");
    let output = command.output().map_err(|error| format!("cannot run {shown}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("{shown} failed: {}\n{out}{errors}", output.status))
}
