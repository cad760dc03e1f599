//! Picks the transport; the one place that names them all.

use std::sync::Arc;

use super::driver::Driver;
use super::memory;
use super::settings::{MessagingSettings, Transport};
use crate::{Error, ErrorKind, Result};

/// Connects `service` to the broker that its settings name.
///
/// Services of one process that name the same memory or file share one broker; each has a connection of its own.
///
/// # Errors
/// What waiting would not put right: a file that cannot be opened, a wrong URL, credentials that are rejected. A RabbitMQ that
/// does not answer yet is no error.
pub async fn connect(settings: &MessagingSettings, service: &str) -> Result<Arc<dyn Driver>> {
    let transport = settings.effective_transport();
    if transport == Transport::Memory && settings.transport.is_none() {
        tracing::warn!("no `messaging.transport` is set: messages are kept in memory and end with the process");
    }
    match transport {
        Transport::Memory => Ok(memory::Broker::named(&settings.memory.name).driver_of(service)),
        Transport::Local => local(settings, service).await,
        Transport::Rabbitmq => rabbitmq(settings, service).await,
    }
}

#[cfg(feature = "sqlite")]
async fn local(settings: &MessagingSettings, service: &str) -> Result<Arc<dyn Driver>> {
    use crate::ResultExt;

    let super::settings::LocalSettings { path, power_loss } = &settings.local;
    if let Some(folder) = path.parent() {
        let made = std::fs::create_dir_all(folder);
        made.context(format!("the folder of `messaging.local.path` (`{}`) cannot be made", folder.display()))?;
    }
    let broker = super::local::Broker::open(path, super::local::Options { power_loss: *power_loss }).await?;
    Ok(broker.driver_of(service))
}

#[cfg(not(feature = "sqlite"))]
async fn local(_settings: &MessagingSettings, _service: &str) -> Result<Arc<dyn Driver>> {
    Err(not_built_in("local", "sqlite"))
}

#[cfg(feature = "amqp")]
async fn rabbitmq(settings: &MessagingSettings, service: &str) -> Result<Arc<dyn Driver>> {
    use super::amqp::{self, AmqpSettings, Identity, Tls};

    let urls = settings.url.as_ref().map(|url| url.expose().as_str()).unwrap_or_default();
    let rabbitmq = &settings.rabbitmq;
    let identity = match (read(&rabbitmq.certificate_file)?, read(&rabbitmq.key_file)?) {
        (Some(certificates), Some(key)) => Some(Identity { certificates, key }),
        _ => None,
    };
    let settings = AmqpSettings {
        uris: urls.split(',').map(str::trim).filter(|url| !url.is_empty()).map(str::to_owned).collect(),
        name: service.to_owned(),
        connect_timeout: rabbitmq.connect_timeout,
        heartbeat: rabbitmq.heartbeat,
        backoff_max: rabbitmq.reconnect_max,
        tls: Tls { authorities: read(&rabbitmq.ca_file)?, identity },
        ..AmqpSettings::default()
    };
    let connected = amqp::connect(&settings).await;
    connected
        .map(|amqp| Arc::new(amqp) as Arc<dyn Driver>)
        .map_err(|error| Error::from(error).with_kind(ErrorKind::Config))
}

#[cfg(feature = "amqp")]
fn read(file: &Option<std::path::PathBuf>) -> Result<Option<String>> {
    use crate::ResultExt;

    let Some(file) = file else { return Ok(None) };
    let text = std::fs::read_to_string(file);
    Ok(Some(text.context(format!("`{}` cannot be read", file.display())).kind(ErrorKind::Config)?))
}

#[cfg(not(feature = "amqp"))]
async fn rabbitmq(_settings: &MessagingSettings, _service: &str) -> Result<Arc<dyn Driver>> {
    Err(not_built_in("rabbitmq", "amqp"))
}

#[cfg(not(all(feature = "amqp", feature = "sqlite")))]
fn not_built_in(transport: &str, feature: &str) -> Error {
    Error::new(ErrorKind::Config, format!("the transport `{transport}` needs the feature `{feature}` of chassis"))
}
