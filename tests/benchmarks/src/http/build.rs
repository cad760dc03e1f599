//! Building what is measured, with the profile that is deployed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::progress::say;

/// The root of the workspace.
pub fn root() -> PathBuf {
    // tests/benchmarks, two folders below the root.
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(".")).to_owned()
}

/// The workspace of what people write today.
pub fn peers() -> PathBuf {
    root().join("tests/benchmarks/peers")
}

/// The programs that are measured.
pub struct Subjects {
    pub bare: PathBuf,
    pub chassis: PathBuf,
    pub hand_wired: Option<PathBuf>,
}

/// Builds the subjects with the profile `dist`.
pub fn subjects(hand_wired: bool) -> Result<Subjects, String> {
    let (root, peers) = (root(), peers());
    let ours = |package| dist(&root, package);
    Ok(Subjects {
        bare: ours("subject-bare")?,
        chassis: ours("subject-chassis")?,
        hand_wired: if hand_wired { Some(dist(&peers, "hand-wired")?) } else { None },
    })
}

/// Builds a package of a workspace with the profile `dist`, and gives the program.
pub fn dist(workspace: &Path, package: &str) -> Result<PathBuf, String> {
    say(&format!("building {package} with the profile dist"));
    let target = target(workspace);
    cargo(workspace, &["build", "--quiet", "--profile", "dist", "--package", package], &target)?;
    Ok(target.join("dist").join(package))
}

fn target(workspace: &Path) -> PathBuf {
    let given = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    given.map_or_else(|| workspace.join("target"), |folder| root().join(folder))
}

/// Runs cargo in a workspace, with the output shown only when it fails.
pub fn cargo(workspace: &Path, arguments: &[&str], target: &Path) -> Result<(), String> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .current_dir(workspace)
        .env("CARGO_TARGET_DIR", target)
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("cargo {} failed:\n{}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)))
}
