//! Who looks into the service's database, and nowhere else.

use std::collections::HashMap;
use std::sync::Arc;

use chassis::data::Database;
use tokio::sync::watch;
use tokio::time::{Duration, MissedTickBehavior, interval};

use super::book::Book;
use crate::ledger::RECEIPT;
use crate::place::Place;

/// How often bookings are counted while messages flow.
const COUNT: Duration = Duration::from_millis(100);

/// Reads what the service has booked.
pub(super) struct Auditor {
    database: Database,
}

/// What the books say in the end.
#[derive(Debug, Clone, Default)]
pub struct Audit {
    /// How many different entries are booked.
    pub booked: u64,
    /// Acknowledged and not booked.
    pub lost: Vec<i64>,
    /// Booked more than once.
    pub doubled: Vec<i64>,
    /// Booked with a receipt due, of which there is none or more than one.
    pub receipts: Vec<i64>,
    /// Parked in queues or in the outbox.
    pub parked: u64,
}

impl Auditor {
    pub(super) async fn new(place: &Place) -> Arc<Self> {
        Arc::new(Self { database: place.database().await })
    }

    /// The number of bookings, as it grows while the future is polled.
    pub(super) fn follow(self: &Arc<Self>) -> (watch::Receiver<u64>, impl Future<Output = ()> + use<>) {
        let (sender, receiver) = watch::channel(0);
        let auditor = Arc::clone(self);
        let follow = async move {
            let mut tick = interval(COUNT);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                sender.send_replace(auditor.number("SELECT coalesce(max(seq), 0) FROM booking").await);
            }
        };
        (receiver, follow)
    }

    /// How many messages are in the outbox.
    pub(super) async fn waiting(&self) -> u64 {
        self.number("SELECT count(*) FROM chassis_outbox").await
    }

    /// Compares the books with what was acknowledged.
    pub(super) async fn audit(&self, book: &Book, parked: u64) -> Audit {
        let booked = counted(self.numbers("SELECT number FROM booking").await);
        let receipts = counted(self.numbers("SELECT number FROM receipt").await);
        let due = booked.keys().filter(|number| **number % RECEIPT == 0);
        Audit {
            lost: book.numbers().into_iter().filter(|number| !booked.contains_key(number)).collect(),
            doubled: booked.iter().filter(|(_, times)| **times > 1).map(|(number, _)| *number).collect(),
            receipts: due.filter(|number| receipts.get(number) != Some(&1)).copied().collect(),
            parked: parked + self.number("SELECT count(*) FROM chassis_outbox_parked").await,
            booked: booked.len() as u64,
        }
    }

    async fn number(&self, sql: &'static str) -> u64 {
        let number: i64 = sqlx::query_scalar(sql).fetch_one(self.database.pool()).await.expect("the books can be read");
        u64::try_from(number).unwrap_or_default()
    }

    async fn numbers(&self, sql: &'static str) -> Vec<i64> {
        sqlx::query_scalar(sql).fetch_all(self.database.pool()).await.expect("the books can be read")
    }
}

fn counted(numbers: Vec<i64>) -> HashMap<i64, u32> {
    let mut counted = HashMap::with_capacity(numbers.len());
    for number in numbers {
        *counted.entry(number).or_default() += 1;
    }
    counted
}
