//! Log lines: lean JSON, or something pretty on a terminal, through a writer that never blocks whoever logs.

pub(super) mod filter;
mod json;
mod layer;
mod pretty;
mod time;
mod writer;

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, reload};

use layer::LineLayer;
use writer::Writer;

use super::{LogFormat, TelemetrySettings};
use crate::Result;

/// The log of the process, of which there is one.
static INSTALLED: OnceLock<Arc<Logs>> = OnceLock::new();

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Json,
    Pretty { colours: bool },
}

/// The log's filter and writer.
pub(super) struct Logs {
    filter: Mutex<String>,
    handle: Option<reload::Handle<EnvFilter, Registry>>,
    writer: Option<Arc<Writer>>,
}

impl Logs {
    /// A log that goes nowhere, because somebody else has set one up.
    pub(super) fn off() -> Self {
        Self { filter: Mutex::default(), handle: None, writer: None }
    }

    pub(super) fn install(settings: &TelemetrySettings, process: &str) -> Result<Arc<Self>> {
        let filter = filter::parse(&settings.log)?;
        if let Some(installed) = INSTALLED.get() {
            return Ok(Arc::clone(installed));
        }
        let stdout = std::io::stdout();
        let terminal = stdout.is_terminal();
        let colours = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let style = match settings.format {
            LogFormat::Json => Style::Json,
            LogFormat::Auto if !terminal => Style::Json,
            LogFormat::Auto | LogFormat::Pretty => Style::Pretty { colours },
        };
        let writer = Writer::start(stdout)?;
        let (filter, handle) = reload::Layer::new(filter);
        let lines = LineLayer::new(style, process, Arc::clone(&writer));
        let logs = match tracing_subscriber::registry().with(filter).with(lines).try_init() {
            Ok(()) => Self { filter: Mutex::new(settings.log.clone()), handle: Some(handle), writer: Some(writer) },
            // A test, or a program with a subscriber of its own: that one stays.
            Err(_) => Self::off(),
        };
        Ok(Arc::clone(INSTALLED.get_or_init(|| Arc::new(logs))))
    }

    pub(super) fn filter(&self) -> String {
        self.filter.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_filter(&self, filter: &str) -> Result<()> {
        let parsed = filter::parse(filter)?;
        if let Some(handle) = &self.handle {
            handle.reload(parsed)?;
        }
        *self.filter.lock().unwrap_or_else(PoisonError::into_inner) = filter.to_owned();
        Ok(())
    }

    /// Waits until everything logged so far is written.
    pub(super) fn flush(&self) {
        if let Some(writer) = &self.writer {
            writer.flush();
        }
    }
}
