//! How long it takes to build the smallest service from nothing, next to the stack that people wire by hand.

use std::path::Path;
use std::time::Instant;

use harness::guard::Folder;

use super::build::{cargo, peers, root};
use crate::progress::{done, say};
use crate::report::Row;

/// The goal is a ratio: no slower than the hand-wired stack in the same run.
pub fn row() -> Result<Row, String> {
    let reference = seconds(&peers(), "hand-wired")?;
    let ours = seconds(&root(), "hello")?;
    done();
    let row = Row::new("hello-build", "s", ours, reference);
    let met = row.ratio <= 1.0;
    let note = format!("the goal is the ratio: ≤ 1.0; the reference is the hand-wired stack ({})", plural(met));
    let mut row = row.note(note);
    (row.goal, row.met) = (Some(1.0), Some(met));
    Ok(row)
}

fn plural(met: bool) -> &'static str {
    if met { "ours is as fast or faster" } else { "ours is slower" }
}

/// With the crates downloaded before, the profile that `cargo build --release` takes, and an empty target folder.
fn seconds(workspace: &Path, package: &str) -> Result<f64, String> {
    say(&format!("building {package} from nothing"));
    let target = Folder::new("clean-build");
    cargo(workspace, &["fetch", "--quiet"], target.path())?;
    let start = Instant::now();
    cargo(workspace, &["build", "--quiet", "--release", "--package", package], target.path())?;
    Ok(start.elapsed().as_secs_f64())
}
