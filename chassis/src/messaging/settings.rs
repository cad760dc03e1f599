//! The section `messaging`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::consumer::{PauseSettings, RetryPolicy, RetrySettings};
use crate::config::{Faults, Secret, Settings, duration};

/// How services reach each other by messages.
///
/// ```toml
/// [messaging]
/// transport = "rabbitmq"
/// url = "amqp://user:password@rabbit-1:5672/shop, amqp://user:password@rabbit-2:5672/shop"
///
/// [messaging.retry.patient]
/// immediate = 1
/// delays = ["1m", "10m", "1h"]
/// on = { unavailable = "pause" }
///
/// [messaging.pause]
/// after = 20
/// ```
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MessagingSettings {
    /// What carries the messages. Unset, it is RabbitMQ where there is a `url`, else the local file (with the feature
    /// `sqlite`), else memory.
    pub transport: Option<Transport>,
    /// Where RabbitMQ is: `amqp://user:password@host:5672/vhost` or `amqps://…`. Several, separated by commas, are tried in turn.
    pub url: Option<Secret<String>>,
    /// RabbitMQ, beyond its `url`.
    pub rabbitmq: RabbitmqSettings,
    /// The transport `local`.
    pub local: LocalSettings,
    /// The transport `memory`.
    pub memory: MemorySettings,
    /// Retry policies besides `standard` and `none`, by their names.
    pub retry: BTreeMap<String, RetrySettings>,
    /// When a listener whose handler keeps failing pauses itself.
    pub pause: PauseSettings,
}

/// What carries the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// A broker in the memory of the process; what is in it ends with the process.
    Memory,
    /// A broker in the process whose queues live in a SQLite file.
    Local,
    /// RabbitMQ.
    Rabbitmq,
}

/// RabbitMQ, beyond where it is.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RabbitmqSettings {
    /// For how long one attempt to connect may take.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub connect_timeout: Duration,
    /// How often both sides show that they are alive; the connection is lost after two that are missing.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub heartbeat: Duration,
    /// The longest pause before a reconnection. Pauses are random, so that many services do not come back at once; what they
    /// are drawn from doubles from 200 ms up to this.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub reconnect_max: Duration,
    /// A PEM file with authorities to trust besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// A PEM file with the client's certificate; needs `key_file`.
    pub certificate_file: Option<PathBuf>,
    /// A PEM file with the client's key (PKCS #8).
    pub key_file: Option<PathBuf>,
}

impl Default for RabbitmqSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(10),
            reconnect_max: Duration::from_secs(30),
            ca_file: None,
            certificate_file: None,
            key_file: None,
        }
    }
}

/// The transport `local`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LocalSettings {
    /// The file; services of one process with the same file share its queues.
    pub path: PathBuf,
    /// Whether a confirmed message survives a loss of power, and not just of the process. Costs a flush of the disk per commit.
    pub power_loss: bool,
}

impl Default for LocalSettings {
    fn default() -> Self {
        Self { path: PathBuf::from("data/broker.sqlite"), power_loss: true }
    }
}

/// The transport `memory`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MemorySettings {
    /// Services of one process with the same name share its queues.
    pub name: String,
}

impl Default for MemorySettings {
    fn default() -> Self {
        Self { name: "default".to_owned() }
    }
}

impl MessagingSettings {
    /// What carries the messages, said or not.
    pub fn effective_transport(&self) -> Transport {
        match self.transport {
            Some(transport) => transport,
            None if self.url.is_some() => Transport::Rabbitmq,
            None if cfg!(feature = "sqlite") => Transport::Local,
            None => Transport::Memory,
        }
    }

    /// The retry policy of that name, with the pauses of the listener.
    ///
    /// # Errors
    /// There is none, or it is invalid.
    pub fn retry_policy(&self, name: &str) -> crate::Result<RetryPolicy> {
        let pause_after = self.retry.get(name).and_then(|own| own.pause_after);
        Ok(RetryPolicy::named(name, &self.retry)?.with_pause(self.pause.policy(pause_after)?))
    }
}

impl Settings for MessagingSettings {
    const SECTION: &'static str = "messaging";

    fn validate(&self, faults: &mut Faults) {
        match self.effective_transport() {
            Transport::Rabbitmq if !cfg!(feature = "amqp") => {
                faults.add("transport", "is `rabbitmq`, but the program was built without the feature `amqp`");
            }
            Transport::Rabbitmq if self.url.is_none() => {
                let hint = "set it to something like \"amqp://user:password@host:5672/vhost\"";
                faults.add("url", "is needed by the transport `rabbitmq`").hint(hint);
            }
            Transport::Local if !cfg!(feature = "sqlite") => {
                faults.add("transport", "is `local`, but the program was built without the feature `sqlite`");
            }
            _ => {}
        }
        if self.rabbitmq.certificate_file.is_some() != self.rabbitmq.key_file.is_some() {
            faults.add("rabbitmq.certificate_file", "and `key_file` need each other");
        }
        if self.rabbitmq.connect_timeout < Duration::from_millis(100) {
            faults.add("rabbitmq.connect_timeout", "must be at least 100ms, or no attempt ever succeeds");
        }
        if self.rabbitmq.heartbeat < Duration::from_secs(1) {
            faults.add("rabbitmq.heartbeat", "must be at least 1s");
        }
        if let Err(error) = self.pause.policy(None) {
            faults.add("pause", error.to_string());
        }
        for name in self.retry.keys() {
            if let Err(error) = RetryPolicy::named(name, &self.retry) {
                let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
                faults.add(format!("retry.{name}"), cause);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, KnownSection};

    fn report(toml: &str) -> String {
        let config = Config::from_toml(toml).expect("well-formed");
        config.read::<MessagingSettings>().map_or_else(|faults| faults.to_string(), |read| format!("{read:?}"))
    }

    #[test]
    fn the_transport_follows_from_what_there_is() {
        let mut settings = MessagingSettings::default();
        assert_ne!(settings.effective_transport(), Transport::Rabbitmq);
        settings.url = Some("amqp://broker".to_owned().into());
        assert_eq!(settings.effective_transport(), Transport::Rabbitmq);
    }

    #[test]
    fn a_policy_that_says_something_unknown_is_told_what_is_near() {
        let config =
            Config::from_toml("[messaging.retry.slow]\nimmediate = 1\non = { unavailble = 'pause', invalid = 'parc' }");
        let faults = config.expect("well-formed").check(&[KnownSection::of::<MessagingSettings>()], &[]).to_string();
        assert!(faults.contains("messaging.retry.slow.on.unavailble"), "{faults}");
        assert!(faults.contains("did you mean `messaging.retry.slow.on.unavailable`?"), "{faults}");
        assert!(faults.contains("messaging.retry.slow.on.invalid"), "{faults}");
        assert!(faults.contains("did you mean \"park\"?"), "{faults}");
        let faults = report("messaging.pause.first = '10m'");
        let expected = "messaging.pause: a listener's first pause must not be longer than its longest";
        assert!(faults.contains(expected), "{faults}");
    }

    #[test]
    fn listeners_pause_after_ten_failures_unless_said_otherwise() {
        let config =
            Config::from_toml("[messaging.pause]\nafter = 20\n[messaging.retry.bold]\nimmediate = 1\npause_after = 0");
        let settings = config.expect("well-formed").read::<MessagingSettings>().expect("valid");
        let after = |settings: &MessagingSettings, name| settings.retry_policy(name).expect("it is").pause().after();
        assert_eq!(after(&MessagingSettings::default(), "standard"), Some(10));
        assert_eq!(after(&settings, "standard"), Some(20));
        assert_eq!(after(&settings, "bold"), None);
    }

    #[test]
    fn every_fault_is_reported_and_no_password() {
        let faults =
            report("[messaging]\ntransport = 'rabbitmq'\nretry.slow.immediate = 0\nrabbitmq.key_file = 'key.pem'");
        assert!(faults.contains("messaging.url: is needed by the transport `rabbitmq`"), "{faults}");
        assert!(
            faults.contains("messaging.retry.slow: a retry policy needs at least one immediate attempt"),
            "{faults}"
        );
        assert!(faults.contains("need each other"), "{faults}");
        let faults = report("messaging.rabbitmq.connect_timeout = '0s'");
        assert!(faults.contains("messaging.rabbitmq.connect_timeout: must be at least 100ms"), "{faults}");
        let shown = report("messaging.url = 'amqp://user:hunter2@broker/shop'");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
