use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Faults, Settings};

/// What is put off comes back within this time, by the policies that need no thought.
const SHORTEST: Duration = Duration::from_secs(60 * 60);

/// The section `inbox`: for how long it is remembered what was handled.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct InboxSettings {
    /// For how long a message is known again. It must be longer than any message can be on its way, replays included.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub keep: Duration,
    /// How often what is older is forgotten.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub sweep: Duration,
}

impl Default for InboxSettings {
    fn default() -> Self {
        Self { keep: Duration::from_secs(7 * 24 * 60 * 60), sweep: Duration::from_secs(60 * 60) }
    }
}

impl Settings for InboxSettings {
    const SECTION: &'static str = "inbox";

    fn validate(&self, faults: &mut Faults) {
        if self.keep < SHORTEST {
            faults.add("keep", "must be at least 1h: what comes again after that time takes effect twice");
        }
        if self.sweep.is_zero() {
            faults.add("sweep", "must be longer than nothing");
        }
    }
}
