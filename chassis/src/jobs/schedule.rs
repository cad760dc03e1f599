//! When a job runs next.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use tokio::time::Duration;

/// When a job runs: a pause between runs, or a crontab expression (in UTC unless it names a time zone).
#[derive(Clone, Debug)]
pub enum Schedule {
    /// A pause from the end of one run to the start of the next.
    Every(Duration),
    /// Times of the calendar.
    Cron(Box<Cron>),
}

/// A crontab expression that was understood.
#[derive(Clone, Debug)]
pub struct Cron {
    text: String,
    crontab: cronexpr::Crontab,
}

/// A crontab expression that was not understood.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{text}` is no crontab expression (minute hour day month weekday): {reason}")]
pub struct InvalidSchedule {
    text: String,
    reason: String,
}

impl Schedule {
    /// Reads a crontab expression of five fields, such as `0 3 * * *`, optionally followed by a time zone.
    ///
    /// # Errors
    /// Says what was not understood.
    pub fn cron(text: &str) -> Result<Self, InvalidSchedule> {
        text.parse().map(|cron| Self::Cron(Box::new(cron)))
    }

    /// How long after the beginning of one run no other replica need begin the next.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn least_pause(&self) -> Duration {
        match self {
            Self::Every(pause) => *pause,
            // A crontab goes by minutes.
            Self::Cron(_) => Duration::from_secs(30),
        }
    }

    /// How long to wait from `now`, the end of the last run.
    pub(crate) fn wait(&self, now: SystemTime) -> Duration {
        match self {
            Self::Every(pause) => *pause,
            Self::Cron(cron) => cron.wait(now),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(pause) => write!(f, "every {}", humantime::format_duration(*pause)),
            Self::Cron(cron) => f.write_str(&cron.text),
        }
    }
}

impl FromStr for Cron {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        let zoned = if text.split_whitespace().count() == 5 { format!("{text} UTC") } else { text.to_owned() };
        match cronexpr::parse_crontab(&zoned) {
            Ok(crontab) => Ok(Self { text: text.to_owned(), crontab }),
            Err(error) => Err(InvalidSchedule { text: text.to_owned(), reason: error.to_string() }),
        }
    }
}

impl Cron {
    fn wait(&self, now: SystemTime) -> Duration {
        // A time past the calendar's end has no next run; a day later is as good a time to look again as any.
        let day = Duration::from_secs(24 * 60 * 60);
        let Ok(now) = jiff::Timestamp::try_from(now) else { return day };
        match self.crontab.find_next(now) {
            Ok(next) => Duration::try_from(next.timestamp().duration_since(now)).unwrap_or(day),
            Err(_) => day,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cron_waits_for_its_next_time() {
        let schedule = Schedule::cron("30 3 * * *").expect("valid");
        let midnight = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 * 20_000);
        assert_eq!(schedule.wait(midnight), Duration::from_secs(3 * 3600 + 1800));
    }

    #[test]
    fn a_wrong_cron_says_so() {
        let error = Schedule::cron("99 3 * * *").expect_err("99 is no minute");
        assert!(error.to_string().starts_with("`99 3 * * *` is no crontab expression"), "{error}");
    }
}
