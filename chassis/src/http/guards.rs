//! How a route is guarded, as far as its attribute says so.

use std::fmt;

use tokio::time::Duration;

use crate::config::duration;
use crate::resilience::InvalidPolicy;
use crate::resilience::adaptive::Priority;
use crate::resilience::rate_limit::RateLimitPolicy;

/// What the attribute of a route says besides its time-out. What it leaves open is as the listener has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guards {
    /// The largest body that is taken, in bytes.
    pub body_limit: Option<usize>,
    /// How many requests are let in at the same time.
    pub limit: Option<Limit>,
    /// How many requests are let in in how much time.
    pub rate: Option<Rate>,
    /// How much its requests matter when there is not room for all.
    pub priority: Option<Priority>,
    /// Whether its handler is cancelled when its client goes or its time is over, though it may change something.
    pub cancellable: bool,
}

impl Guards {
    /// Everything is as the listener has it.
    pub const NONE: Self = Self { body_limit: None, limit: None, rate: None, priority: None, cancellable: false };
}

/// How many requests of a route are let in at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Every one.
    Off,
    /// As many as are answered without waiting for each other, which is learnt.
    Adaptive,
    /// So many.
    Fixed(u32),
}

/// How many requests of a route are let in in how much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// So many.
    pub calls: u32,
    /// In so much time.
    pub period: Duration,
    /// So many of them at once.
    pub burst: u32,
}

impl Rate {
    /// Reads `100/s` or `5/10s`. All may come at once.
    ///
    /// # Errors
    /// A sentence that says how rates are written, or which rule this one breaks.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "must be a rate such as \"100/s\", \"1000/min\" or \"5/10s\"".to_owned();
        let (calls, period) = text.split_once('/').ok_or_else(wrong)?;
        let period = period.trim();
        let counted = period.starts_with(|c: char| c.is_ascii_digit());
        let period = if counted { duration::parse(period) } else { duration::parse(&format!("1{period}")) };
        let (calls, period) = calls.trim().parse().ok().zip(period.ok()).ok_or_else(wrong)?;
        let rate = Self { calls, period, burst: calls };
        match rate.policy() {
            Ok(_) => Ok(rate),
            Err(invalid) => {
                Err(invalid.rules().first().map_or_else(wrong, |rule| format!("its {} {}", rule.setting, rule.rule)))
            }
        }
    }

    pub(super) fn policy(self) -> Result<RateLimitPolicy, InvalidPolicy> {
        RateLimitPolicy::try_new(self.calls, self.period, self.burst)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = humantime::format_duration(self.period).to_string();
        // `100/s` rather than `100/1s`.
        write!(f, "{}/{}", self.calls, period.strip_prefix('1').filter(|unit| is_unit(unit)).unwrap_or(&period))
    }
}

fn is_unit(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_shown() {
        for (text, calls, seconds, shown) in [
            ("100/s", 100, 1, "100/s"),
            ("1000/min", 1000, 60, "1000/m"),
            ("5/10s", 5, 10, "5/10s"),
            (" 7 / 1h ", 7, 3600, "7/h"),
        ] {
            let rate = Rate::parse(text).expect(text);
            assert_eq!(rate, Rate { calls, period: Duration::from_secs(seconds), burst: calls });
            assert_eq!(rate.to_string(), shown);
        }
        for wrong in ["", "100", "/s", "100/", "0/s", "x/s", "100/parsec", "1/2days", "-5/s", "100/0s"] {
            assert!(Rate::parse(wrong).is_err(), "{wrong}");
        }
    }
}
