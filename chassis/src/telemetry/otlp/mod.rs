//! Export over OTLP/HTTP with protobuf: spans in batches, metrics at intervals.
//!
//! Source: <https://opentelemetry.io/docs/specs/otlp/#otlphttp>.

mod client;
mod convert;
mod metrics;
mod spans;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, timeout_at};

use client::Client;
use convert::Resource;

use super::OtlpSettings;
use super::ServiceInfo;
use super::span::queue::{BATCH, Queue, dropped};
use crate::Result;

/// The running export.
pub(super) struct Exporter {
    queue: Arc<Queue>,
    stop: watch::Sender<bool>,
    tasks: [JoinHandle<()>; 2],
}

impl Exporter {
    /// Starts to export, if there is an endpoint.
    pub(super) fn start(settings: &OtlpSettings, info: &ServiceInfo, profile: &str) -> Result<Option<Self>> {
        let Some(endpoint) = &settings.endpoint else { return Ok(None) };
        let resource = Arc::new(Resource::new(info, profile));
        let (stop, stopping) = watch::channel(false);
        let traces = Client::new(endpoint, "/v1/traces", settings, stopping.clone())?;
        let metrics = Client::new(endpoint, "/v1/metrics", settings, stopping.clone())?;
        let queue = Queue::open(settings.queue as usize);
        let spans =
            export_spans(Arc::clone(&queue), traces, Arc::clone(&resource), settings.span_interval, stopping.clone());
        let tasks =
            [tokio::spawn(spans), tokio::spawn(export_metrics(metrics, resource, settings.metric_interval, stopping))];
        Ok(Some(Self { queue, stop, tasks }))
    }

    /// Exports what is there, within `grace`, and counts what is not.
    pub(super) async fn shutdown(self, grace: Duration) {
        let until = Instant::now() + grace;
        self.stop.send_replace(true);
        for mut task in self.tasks {
            if timeout_at(until, &mut task).await.is_err() {
                task.abort();
            }
        }
        self.queue.close();
        let left = self.queue.take().len();
        if left > 0 {
            dropped("shutdown").add(left as u64);
            tracing::warn!(spans = left, "the last spans could not be exported in time");
        }
    }
}

async fn export_spans(
    queue: Arc<Queue>,
    mut client: Client,
    resource: Arc<Resource>,
    interval: Duration,
    mut stopping: watch::Receiver<bool>,
) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let stop = tokio::select! {
            () = queue.ready() => false,
            _ = ticks.tick() => false,
            _ = stopping.wait_for(|stop| *stop) => true,
        };
        let mut spans = queue.take();
        while !spans.is_empty() {
            let rest = spans.split_off(spans.len().min(BATCH));
            let count = spans.len() as u64;
            match client.send(spans::encode(&resource, spans)).await {
                Ok(answer) => dropped("rejected").add(spans::rejected(&answer)),
                Err(()) => dropped("export_failed").add(count),
            }
            spans = rest;
        }
        if stop {
            return;
        }
    }
}

async fn export_metrics(
    mut client: Client,
    resource: Arc<Resource>,
    interval: Duration,
    mut stopping: watch::Receiver<bool>,
) {
    let start = std::time::SystemTime::now();
    let mut ticks = tokio::time::interval_at(Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let stop = tokio::select! {
            _ = ticks.tick() => false,
            _ = stopping.wait_for(|stop| *stop) => true,
        };
        // What could not be sent is in the next export: counts are cumulative.
        let _ = client.send(metrics::encode(&resource, start)).await;
        if stop {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
