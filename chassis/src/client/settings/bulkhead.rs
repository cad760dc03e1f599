use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Duration;

use crate::resilience::bulkhead::BulkheadPolicy;
use crate::resilience::{InvalidPolicy, Preset};

/// How many calls may be under way at once: `[clients.NAME.bulkhead]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BulkheadSettings {
    /// How many attempts may be under way at once: 1,000, batch 64.
    pub concurrent: Option<usize>,
    /// How many more may wait for their turn: none, batch 1,024.
    pub waiting: Option<usize>,
    /// How long they wait: 100 ms, batch 1 min.
    #[serde(with = "crate::config::duration::optional")]
    #[schemars(schema_with = "crate::config::duration::optional::schema")]
    pub wait: Option<Duration>,
}

impl BulkheadSettings {
    pub(super) fn policy(&self, preset: Preset) -> Result<BulkheadPolicy, InvalidPolicy> {
        let preset = BulkheadPolicy::preset(preset);
        let (waiting, wait) = preset.queue();
        let builder = preset.waiting(self.waiting.unwrap_or(waiting), self.wait.unwrap_or(wait));
        match self.concurrent {
            Some(calls) => builder.concurrent(calls),
            None => builder,
        }
        .build()
    }
}
