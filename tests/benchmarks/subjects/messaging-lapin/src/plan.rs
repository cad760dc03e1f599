//! What to do, as the benchmark says it in variables, and how to tell what it took.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::Failure;

pub const EXCHANGE: &str = "bench.events";
pub const KEY: &str = "bench.sent.v1";
/// The key of what comes from an outbox.
pub const STORED: &str = "bench.stored.v1";
pub const QUEUE: &str = "bench.sent";

/// What to do.
pub struct Plan {
    pub task: String,
    pub uri: String,
    /// How many messages.
    pub messages: u64,
    /// How many may be unconfirmed, or unacknowledged.
    pub window: u16,
    /// How many a second, where that is given.
    pub rate: u64,
}

impl Plan {
    pub fn read() -> Result<Self, Failure> {
        let text = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
        let number = |name: &str| -> Result<u64, Failure> { Ok(text(name)?.parse()?) };
        Ok(Self {
            task: text("BENCH_TASK")?,
            uri: text("BENCH_URI")?,
            messages: number("BENCH_MESSAGES")?,
            window: u16::try_from(number("BENCH_WINDOW")?)?,
            rate: number("BENCH_RATE")?,
        })
    }
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
