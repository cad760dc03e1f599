//! Opening the channel of a consumer, the first time and again.

use std::sync::Arc;
use std::time::Duration;

use lapin::Channel;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use super::super::error;
use super::super::link::Link;
use super::super::side::Side;
use super::super::supervisor::Plan;
use super::tray::Tray;
use crate::messaging::backoff::Backoff;
use crate::messaging::driver::{Consume, DeclareError, Interruption};

/// For how long the broker may take to start a consumer.
const START: Duration = Duration::from_secs(10);

/// A consumer that the broker feeds.
pub(super) struct Live {
    pub(super) channel: Channel,
    pub(super) stream: lapin::Consumer,
    pub(super) tray: Arc<Tray>,
}

/// What it takes to open the channel.
pub(super) struct Opening {
    pub(super) plan: Arc<Plan>,
    pub(super) side: Side,
    pub(super) spec: Consume,
    /// Why nothing is consumed, while it is being opened again.
    pub(super) interruption: watch::Sender<Option<Interruption>>,
}

impl Opening {
    /// Opens by `deadline` or says why not.
    pub(super) async fn first(&self, deadline: Instant) -> Result<Live, DeclareError> {
        let link = self.side.clone().link_until(deadline).await.map_err(DeclareError::NotConnected)?;
        self.open(&link).await
    }

    /// Opens, however long it takes, what ended for `cause`; `None` once the driver is closed.
    pub(super) async fn again(self: Arc<Self>, cause: String) -> Option<Live> {
        self.interrupted(1, cause);
        let settings = &self.plan.settings;
        let backoff = Backoff { min: settings.backoff_min, max: settings.backoff_max };
        let mut side = self.side.clone();
        for attempt in 1_u32.. {
            let link = side.link().await?;
            // The queue may be what is missing.
            let opened = match self.plan.registry.declare_again(&link, &self.spec.queue).await {
                Ok(()) => self.open(&link).await,
                Err(error) => Err(error),
            };
            match opened {
                Ok(live) => {
                    info!(queue = self.spec.queue, "consuming again");
                    self.interruption.send_replace(None);
                    return Some(live);
                }
                Err(error) => {
                    warn!(queue = self.spec.queue, attempt, %error, "consuming could not be resumed");
                    self.interrupted(attempt.saturating_add(1), error.to_string());
                }
            }
            sleep(backoff.pause(attempt)).await;
        }
        None
    }

    fn interrupted(&self, attempt: u32, cause: String) {
        self.interruption.send_replace(Some(Interruption { attempt, cause: cause.into() }));
    }

    async fn open(&self, link: &Link) -> Result<Live, DeclareError> {
        let lost = |error: lapin::Error| DeclareError::NotConnected(error::words(&error));
        let channel = link.channel().await.map_err(lost)?;
        match timeout(START, self.consume(&channel)).await {
            Ok(Ok(stream)) => {
                let tray = self.plan.ackers.start(channel.clone(), self.spec.spare.into());
                Ok(Live { channel, stream, tray })
            }
            Ok(Err(error)) if error.is_amqp_soft_error() => Err(DeclareError::Refused(error::words(&error))),
            Ok(Err(error)) => Err(lost(error)),
            Err(_) => Err(DeclareError::NotConnected(format!("no answer to basic.consume within {START:?}"))),
        }
    }

    async fn consume(&self, channel: &Channel) -> lapin::Result<lapin::Consumer> {
        // Zero would mean without limit.
        channel.basic_qos(self.spec.prefetch.max(1), BasicQosOptions::default()).await?;
        let short = |text: &str| ShortString::try_new(text).map_err(|error| std::io::Error::other(error.to_string()));
        let (queue, tag) = (short(&self.spec.queue)?, short(&self.spec.tag)?);
        channel.basic_consume(queue, tag, BasicConsumeOptions::default(), FieldTable::default()).await
    }
}
