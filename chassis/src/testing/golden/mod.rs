//! Golden files of events: what was published yesterday, beside what would be published today.
//!
//! A contract crate keeps two files per event in its folder `golden/`: one sample as JSON, and the JSON Schema. A test that calls
//! [`event`] fails as soon as the event's type no longer says the same, and tells a change that only adds from one that
//! breaks receivers:
//!
//! ```no_run
//! use chassis::prelude::*;
//!
//! #[event(name = "order.placed", version = 1, key = order_id, owner = "orders")]
//! struct OrderPlaced {
//!     order_id: String,
//! }
//!
//! #[test]
//! fn events_stay_compatible() {
//!     chassis::testing::golden::event(&OrderPlaced { order_id: "o-1".into() });
//! }
//! # fn main() {}
//! ```
//!
//! | `CHASSIS_ACCEPT` | |
//! |---|---|
//! | unset | files are compared; one that is missing is a failure |
//! | `1` | writes what is missing, and takes over changes that only add |
//! | `incompatible` | takes over every change: for an event of which no message is under way yet |

mod compatibility;
mod files;

use std::path::{Path, PathBuf};

use serde_json::Value;

use self::files::Files;
use crate::messaging::Event;

/// The variable that says which changes are taken over.
const ACCEPT: &str = "CHASSIS_ACCEPT";

/// Which changes are taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// None.
    Nothing,
    /// Those that only add.
    Additions,
    /// All.
    Everything,
}

/// Compares an event with its golden files, in the folder `golden` of the crate that is tested.
///
/// `sample` is an example of the event in which as much as possible is filled in.
///
/// # Panics
/// The event has changed, or has no files yet; the message says what changed and how to accept it.
#[track_caller]
pub fn event<E: Event>(sample: &E) {
    // Cargo sets it for every test, at its run.
    let root = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let accept = match std::env::var(ACCEPT).as_deref() {
        Ok("1") => Accept::Additions,
        Ok("incompatible") => Accept::Everything,
        Ok("") | Err(_) => Accept::Nothing,
        Ok(other) => panic!("{ACCEPT} is `{other}`; it may be `1` or `incompatible`"),
    };
    if let Err(failure) = check(&root.join("golden"), sample, accept) {
        panic!("{failure}");
    }
}

/// Compares an event with its golden files in `folder`, and takes over what `accept` allows.
///
/// # Errors
/// What changed, and how to accept it; or a file cannot be read or written.
pub fn check<E: Event>(folder: &Path, sample: &E, accept: Accept) -> Result<(), String> {
    let kind = E::KIND;
    let now = Files::of(sample)?;
    let Some(before) = Files::read(folder, kind)? else {
        if accept == Accept::Nothing {
            let folder = folder.display();
            return Err(format!(
                "`{kind}` has no golden files in {folder}; run the test with {ACCEPT}=1 to write them"
            ));
        }
        return now.write(folder, kind);
    };
    if before == now {
        return Ok(());
    }
    let breaks = breaks::<E>(&before, &now);
    if accept == Accept::Everything || (accept == Accept::Additions && breaks.is_empty()) {
        return now.write(folder, kind);
    }
    if breaks.is_empty() {
        return Err(format!(
            "`{kind}` is no longer what its golden files in {} say, in ways that break no receiver. Run the test with \
             {ACCEPT}=1 to take that over, and look at what it changes in the files",
            folder.display()
        ));
    }
    let (next, list) = (E::VERSION + 1, breaks.join("\n  * "));
    Err(format!(
        "`{kind}` has changed incompatibly:\n  * {list}\nReceivers of today cannot read it, or this program cannot read \
         messages of today. Make it a new event beside the old one: `#[event(name = \"{}\", version = {next}, …)]`. Only if no \
         message of `{kind}` is under way anywhere, run the test with {ACCEPT}=incompatible",
        E::NAME
    ))
}

/// What breaks somebody between `before` and `now`.
fn breaks<E: Event>(before: &Files, now: &Files) -> Vec<String> {
    let mut breaks = compatibility::schemas(&before.schema, &now.schema);
    breaks.extend(compatibility::samples(&before.sample, &now.sample));
    if let Err(error) = E::deserialize(&before.sample) {
        breaks.push(format!("the sample of before cannot be read any more: {error}"));
    }
    breaks
}

/// The sample as JSON; what is read from that must be the same again.
fn json<E: Event>(sample: &E) -> Result<Value, String> {
    let told = |what: &str, error: serde_json::Error| format!("the sample of `{}` {what}: {error}", E::KIND);
    let value = serde_json::to_value(sample).map_err(|error| told("cannot be written as JSON", error))?;
    let again = E::deserialize(&value).map_err(|error| told("cannot be read from its own JSON", error))?;
    let again = serde_json::to_value(again).map_err(|error| told("cannot be written as JSON", error))?;
    if again == value {
        Ok(value)
    } else {
        Err(format!("the sample of `{}` is {value}, and once read from that {again}", E::KIND))
    }
}

#[cfg(test)]
mod tests;
