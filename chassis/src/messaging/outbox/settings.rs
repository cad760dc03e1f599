use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Faults, Settings};

/// The section `outbox`: how what services publish in their transactions is sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OutboxSettings {
    /// How many messages of one partition are read, and so on their way, at a time.
    #[schemars(range(min = 1, max = 10_000))]
    pub batch: u32,
    /// How often to look for rows that other processes have written. Those of this one are seen at once.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub poll: Duration,
    /// For how long a partition is leased; it is renewed three times in that time. What an instance that died has leased is
    /// taken over after it.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub lease: Duration,
    /// How long to wait for the broker's confirmation of one message.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub publish_timeout: Duration,
    /// The pause after a failure; doubled with each further one.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub retry_min: Duration,
    /// The longest pause.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub retry_max: Duration,
    /// After how many failures for good, one after the other, a message is parked.
    #[schemars(range(min = 1))]
    pub park_after: u32,
    /// For how long a kind of event that no queue is bound for is kept, from the first one on: its consumer may just not have
    /// been started yet. After that it is taken to be meant for nobody, and dropped until somebody hears it. `0s` sends them at
    /// once, whoever hears them.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub unroutable_for: Duration,
    /// Who must hear which events: by the type of an event, such as `order.placed.v1`, the queues that must be read before
    /// the first of it is sent, such as `inventory.order-placed`. Until then it is kept, however long that takes. Only
    /// needed where several services hear it and none may miss the first ones, as on a new broker.
    pub hearers: BTreeMap<String, Vec<String>>,
    /// For how long parked messages are kept; for ever unless it is set.
    #[serde(with = "crate::config::duration::optional")]
    #[schemars(schema_with = "crate::config::duration::optional::schema")]
    pub keep_parked: Option<Duration>,
    /// From which age of the oldest message on the service's health is degraded.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub degraded_after: Duration,
    /// How many of the database's connections the relay may use at once.
    #[schemars(range(min = 1, max = 16))]
    pub connections: u32,
}

impl Default for OutboxSettings {
    fn default() -> Self {
        Self {
            batch: 256,
            poll: Duration::from_millis(500),
            lease: Duration::from_secs(15),
            publish_timeout: Duration::from_secs(30),
            retry_min: Duration::from_millis(500),
            retry_max: Duration::from_secs(60),
            park_after: 10,
            unroutable_for: Duration::from_secs(10 * 60),
            hearers: BTreeMap::new(),
            keep_parked: None,
            degraded_after: Duration::from_secs(60),
            connections: 2,
        }
    }
}

impl Settings for OutboxSettings {
    const SECTION: &'static str = "outbox";

    fn validate(&self, faults: &mut Faults) {
        if self.poll.is_zero() {
            faults.add("poll", "must be longer than nothing");
        }
        if self.lease < Duration::from_millis(300) {
            faults.add("lease", "must be at least 300ms");
        }
        if self.lease > Duration::from_secs(5 * 60) {
            faults.add(
                "lease",
                "must not be longer than 5min, as what an instance that died has leased waits for so long",
            );
        }
        if !self.hearers.is_empty() && self.unroutable_for.is_zero() {
            faults.add(
                "hearers",
                "nothing is kept for anybody where `unroutable_for` is 0s: set it to some time, such as 10min",
            );
        }
        if self.retry_min > self.retry_max {
            faults.add("retry_min", "must not be longer than `retry_max`");
        }
    }
}
