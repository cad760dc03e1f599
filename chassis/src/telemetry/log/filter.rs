//! What is logged and what is not.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Reads a level, or a list of them by target.
///
/// lapin is off unless it is named: it writes whole messages and user names, takes for an error what belongs to the work, such
/// as a queue that is looked for and is not there, and what is worth telling the driver tells.
///
/// # Errors
/// The first directive that cannot be read.
pub(in crate::telemetry) fn parse(text: &str) -> Result<EnvFilter, ParseError> {
    let names_lapin = text.split(',').any(|directive| directive.trim_start().starts_with("lapin"));
    if names_lapin { EnvFilter::try_new(text) } else { EnvFilter::try_new(format!("{text},lapin=off")) }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn lapin_is_off_unless_it_is_named() {
        let read = |text| parse(text).map(|filter| filter.to_string());
        for quiet in ["info", "debug", "", "warn,sqlx=info"] {
            assert!(read(quiet).expect(quiet).contains("lapin=off"), "{quiet}");
        }
        for told in ["lapin=warn", "info,lapin::channel=debug"] {
            assert!(!read(told).expect(told).contains("lapin=off"), "{told}");
        }
        assert!(read("loud").is_ok_and(|filter| filter.contains("loud=trace")), "a target by itself");
        assert!(read("info,sqlx=loud").is_err());
    }
}
