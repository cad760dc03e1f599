//! What came of it all.

use std::fmt;

use tokio::time::Duration;

use super::auditor::Audit;
use super::disturber::Counts;
use super::footprint::Footprint;

/// What came of it all.
#[derive(Debug, Clone)]
pub struct Report {
    /// What decided when things happened.
    pub seed: u64,
    /// The version of RabbitMQ.
    pub broker: String,
    /// How long messages flowed.
    pub lasted: Duration,
    /// What was done to broker and service.
    pub counts: Counts,
    /// What the books say.
    pub audit: Audit,
    /// How many messages were acknowledged to those who published them.
    pub acknowledged: u64,
    /// Of how many nobody was told what became of them.
    pub unanswered: u64,
    /// The broker's bindings before and after.
    pub bindings: (usize, usize),
    /// What the service holds of the system, before and after.
    pub service: (Footprint, Footprint),
    /// What the process that publishes holds of the system, before and after.
    pub publisher: (Footprint, Footprint),
}

impl Report {
    /// Everything that is not as it was promised; nothing, if all is well.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut expect = |holds: bool, what: String| {
            if !holds {
                faults.push(what);
            }
        };
        let some = |numbers: &[i64]| numbers.iter().take(20).copied().collect::<Vec<_>>();
        let Audit { lost, doubled, receipts, parked, .. } = &self.audit;
        expect(lost.is_empty(), format!("{} were acknowledged and never booked: {:?}", lost.len(), some(lost)));
        expect(doubled.is_empty(), format!("{} were booked more than once: {:?}", doubled.len(), some(doubled)));
        expect(receipts.is_empty(), format!("{} have not exactly one receipt: {:?}", receipts.len(), some(receipts)));
        expect(*parked == 0, format!("{parked} were parked without cause"));
        let (before, after) = self.bindings;
        expect(before == after, format!("there were {before} bindings and there are {after}"));
        for (who, (before, after)) in [("service", self.service), ("publisher", self.publisher)] {
            let (threads, descriptors) = (after.threads <= before.threads, after.descriptors <= before.descriptors);
            expect(threads && descriptors, format!("the {who} held {before} and holds {after}"));
        }
        faults
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { stops, kills, services, failpoints, duplicates } = self.counts;
        let Audit { booked, lost, doubled, receipts, parked } = &self.audit;
        let rate = self.acknowledged as f64 / self.lasted.as_secs_f64().max(0.001);
        let mut line = |name: &str, value: String| writeln!(f, "{name:<42} {value}");
        line("seed", self.seed.to_string())?;
        line("RabbitMQ", self.broker.clone())?;
        line("broker stopped and started", stops.to_string())?;
        line("broker killed and started", kills.to_string())?;
        line("service killed from outside", services.to_string())?;
        line("service killed at a failpoint", failpoints.to_string())?;
        line(
            "messages acknowledged",
            format!("{} in {:.0} s, {rate:.0}/s", self.acknowledged, self.lasted.as_secs_f64()),
        )?;
        line("messages never answered for", self.unanswered.to_string())?;
        line("messages booked", booked.to_string())?;
        line("duplicates recognised (at least)", duplicates.to_string())?;
        line("acknowledged and never seen", lost.len().to_string())?;
        line("effects applied twice", doubled.len().to_string())?;
        line("events of events missing or doubled", receipts.len().to_string())?;
        line("parked without cause", parked.to_string())?;
        line("bindings before and after", format!("{} and {}", self.bindings.0, self.bindings.1))?;
        line("service before", self.service.0.to_string())?;
        line("service after", self.service.1.to_string())?;
        line("publisher before", self.publisher.0.to_string())?;
        line("publisher after", self.publisher.1.to_string())
    }
}
