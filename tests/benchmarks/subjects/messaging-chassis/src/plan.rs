//! What to do, as the benchmark says it in variables, and how to tell what it took.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chassis::messaging::driver::Driver;
use chassis::messaging::{self, MessagingSettings};
use chassis::{Error, Result};
use rustix::process::{Signal, getpid, kill_process};
use rustix::time::{ClockId, clock_gettime};

/// The service that publishes, and the one that consumes.
pub const SERVICE: &str = "bench";

/// What to do.
pub struct Plan {
    pub task: String,
    pub uri: String,
    /// How many messages.
    pub messages: u64,
    /// How many may be unconfirmed.
    pub window: u16,
    /// How many a second, where that is given.
    pub rate: u64,
}

impl Plan {
    pub fn read() -> Result<Self> {
        let text = |name: &str| std::env::var(name).map_err(|_| Error::msg(format!("{name} is not set")));
        let number = |name: &str| -> Result<u64> { Ok(text(name)?.parse()?) };
        Ok(Self {
            task: text("BENCH_TASK")?,
            uri: text("BENCH_URI")?,
            messages: number("BENCH_MESSAGES")?,
            window: u16::try_from(number("BENCH_WINDOW")?)?,
            rate: number("BENCH_RATE")?,
        })
    }

    /// A connection as a service has it.
    pub async fn connect(&self) -> Result<Arc<dyn Driver>> {
        let settings = MessagingSettings { url: Some(self.uri.clone().into()), ..MessagingSettings::default() };
        messaging::connect(&settings, SERVICE).await
    }
}

/// The settings of a service: the defaults, but for where things are.
pub fn settings(plan: &Plan) -> String {
    let url = &plan.uri;
    format!(
        "http.listen = \"127.0.0.1:0\"\nmanagement.listen = \"127.0.0.1:0\"\nlifecycle.drain_delay = \"0s\"\n\
         telemetry.log = \"warn\"\nmessaging.url = \"{url}\"\n"
    )
}

/// Asks this process to end in order, as an operator would.
pub fn end_process() {
    // Fails only without the right to, which every process has over itself.
    let _ = kill_process(getpid(), Signal::TERM);
}

/// Time and processor time from here on.
pub struct Span {
    began: Instant,
    processor: Duration,
}

impl Span {
    pub fn begin() -> Self {
        Self { began: Instant::now(), processor: processor() }
    }

    /// Prints what `messages` took, as the benchmark reads it.
    pub fn end(self, messages: u64) {
        let (seconds, cpu) = (self.began.elapsed().as_secs_f64(), (processor() - self.processor).as_secs_f64());
        println!("{}", serde_json::json!({ "messages": messages, "seconds": seconds, "cpu": cpu }));
    }
}

/// The processor time of all threads of this process.
fn processor() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
