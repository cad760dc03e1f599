//! A JSON file that something else keeps up to date.

use std::path::PathBuf;

use serde::Deserialize;
use tokio::time::{Duration, MissedTickBehavior, interval};

use super::{Driver, Endpoint, Reporter};
use crate::{BoxFuture, Result, ResultExt};

/// How often the file is looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// A JSON file with a list of instances, looked at every second. An instance is its address, or an object:
///
/// ```json
/// ["10.0.0.1:8080", { "address": "10.0.1.7:8080", "zone": "b", "priority": 0, "weight": 2 }]
/// ```
///
/// A file that is being written and cannot be read, or is none, changes nothing until it is right again. Whoever writes
/// it does best to write another and rename it.
#[derive(Debug, Clone)]
pub struct File {
    path: PathBuf,
    period: Duration,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Address(String),
    #[serde(rename_all = "snake_case")]
    Full {
        address: String,
        #[serde(default)]
        zone: Option<String>,
        #[serde(default)]
        priority: u16,
        #[serde(default = "one")]
        weight: u16,
    },
}

fn one() -> u16 {
    1
}

impl File {
    /// The file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), period: PERIOD }
    }

    /// Looks at it more or less often than every second.
    pub fn every(mut self, period: Duration) -> Self {
        self.period = period.max(Duration::from_millis(1));
        self
    }

    async fn read(&self) -> Result<String> {
        let text = tokio::fs::read_to_string(&self.path).await;
        text.context(format!("the file `{}` cannot be read", self.path.display()))
    }

    fn endpoints(&self, text: &str) -> Result<Vec<Endpoint>> {
        let entries: Vec<Entry> = serde_json::from_str(text)
            .context(format!("the file `{}` is no list of endpoints", self.path.display()))?;
        entries
            .into_iter()
            .map(endpoint)
            .collect::<Result<_>>()
            .context(format!("in the file `{}`", self.path.display()))
    }
}

fn endpoint(entry: Entry) -> Result<Endpoint> {
    let (endpoint, zone) = match entry {
        Entry::Address(address) => (Endpoint::parse(&address)?, None),
        Entry::Full { address, zone, priority, weight } => (Endpoint::parse(&address)?.share(priority, weight), zone),
    };
    Ok(match zone {
        Some(zone) => endpoint.zone(zone),
        None => endpoint,
    })
}

impl Driver for File {
    fn name(&self) -> &'static str {
        "file"
    }

    fn watch(self: Box<Self>, reporter: Reporter) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let mut ticks = interval(self.period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut last = None;
            loop {
                ticks.tick().await;
                let text = match self.read().await {
                    Ok(text) if last.as_ref() == Some(&text) => continue,
                    Ok(text) => text,
                    Err(error) => {
                        last = None;
                        reporter.failed(format!("{error:#}"));
                        continue;
                    }
                };
                match self.endpoints(&text) {
                    Ok(endpoints) => reporter.found(endpoints),
                    Err(error) => reporter.failed(format!("{error:#}")),
                }
                last = Some(text);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_are_addresses_or_objects() {
        let file = File::new("endpoints.json");
        let read = file.endpoints(r#"["a:1", {"address": "b:2", "zone": "z", "weight": 3}]"#).expect("a list");
        assert_eq!(read, [Endpoint::new("a:1"), Endpoint::new("b:2").zone("z").share(0, 3)]);
    }

    #[test]
    fn what_is_no_list_is_an_error_that_names_the_file() {
        let file = File::new("endpoints.json");
        for text in ["{}", "", "[1]", r#"["a"]"#, r#"["a:port"]"#, r#"[{"address":"a:1","weight":-1}]"#] {
            let error = file.endpoints(text).expect_err(text).to_string();
            assert!(error.contains("endpoints.json"), "{error}");
        }
    }
}
