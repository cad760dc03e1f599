use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Faults, Settings};

/// The section `dead_letters`: what is measured of messages that were parked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DeadLetterSettings {
    /// How often depth and age of each parking queue are measured.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub measure: Duration,
}

impl Default for DeadLetterSettings {
    fn default() -> Self {
        Self { measure: Duration::from_secs(30) }
    }
}

impl Settings for DeadLetterSettings {
    const SECTION: &'static str = "dead_letters";

    fn validate(&self, faults: &mut Faults) {
        if self.measure.is_zero() {
            faults.add("measure", "must be longer than nothing");
        }
    }
}
