//! Environment variables, and which keys they stand for.

use super::layer::{Entries, Origins};
use super::{Faults, Origin};

const PREFIX: &str = "CHASSIS__";

/// Chooses the profile, unless the program was told one.
pub(super) const PROFILE: &str = "CHASSIS_PROFILE";

/// Names a directory of secret files.
pub(super) const SECRETS: &str = "CHASSIS_SECRETS";

/// Variables that have a meaning far beyond this library. Ours come after them and win.
const STANDARD: [(&str, &str); 2] =
    [("OTEL_EXPORTER_OTLP_ENDPOINT", "telemetry.otlp.endpoint"), ("RUST_LOG", "telemetry.log")];

/// The key that a variable sets, if it is one of ours.
fn key(variable: &str) -> Option<Vec<String>> {
    let name = variable.strip_prefix(PREFIX)?;
    Some(name.split("__").map(str::to_lowercase).collect())
}

/// The variable that sets a key.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").replace('-', "_").to_uppercase())
}

pub(super) fn entries(variables: &[(String, String)], origins: &mut Origins, faults: &mut Faults) -> Entries {
    let mut entries = Vec::new();
    let mut add = |name: &str, path: Vec<String>, value: &str| {
        let origin = Origin::Variable(name.into());
        if path.iter().any(String::is_empty) {
            faults.add("", format!("{name} names no key")).at(Some(origin)).hint("write it as CHASSIS__SECTION__KEY");
        } else {
            entries.push((path, origins.value(origin, value)));
        }
    };
    for (standard, path) in STANDARD {
        // An empty variable is an unset one, say both of their documentations.
        if let Some((name, value)) = variables.iter().find(|(name, value)| name == standard && !value.is_empty()) {
            add(name, path.split('.').map(str::to_owned).collect(), value);
        }
    }
    for (name, value) in variables {
        if let Some(path) = key(name) {
            add(name, path, value);
        }
    }
    Entries(entries)
}
