//! The service under test: it takes entries and books each of them once.

use chassis::prelude::*;

/// Of so many entries that are booked one has a receipt.
pub const RECEIPT: i64 = 16;

/// An entry that is to be booked.
#[event(name = "entry.made", version = 1, key = account, owner = "ledger")]
pub struct EntryMade {
    /// Entries of one account keep their order.
    pub account: String,
    /// Tells entries apart.
    pub number: i64,
}

/// An entry that was booked; published in the transaction that booked it.
#[event(name = "entry.booked", version = 1, key = account, owner = "ledger")]
pub struct EntryBooked {
    /// As in the entry.
    pub account: String,
    /// As in the entry.
    pub number: i64,
}

/// Entries that are made together.
#[model]
pub struct Batch {
    /// The number of the first.
    pub first: i64,
    /// How many there are.
    pub count: i64,
}

impl EntryMade {
    /// The entry of that number, of one of 64 accounts.
    pub fn new(number: i64) -> Self {
        Self { account: format!("account-{}", number.rem_euclid(64)), number }
    }
}

/// The service.
pub struct Ledger {
    database: Database,
    events: Publisher,
}

#[service(name = "ledger", migrations = "migrations")]
impl Ledger {
    /// With what a service stands on.
    #[init]
    pub async fn new(database: Database, events: Publisher) -> Result<Self> {
        Ok(Self { database, events })
    }

    /// Publishes the entries of a batch by the outbox. 200 says that they are safe.
    #[post("/entries")]
    async fn make(&self, Json(batch): Json<Batch>) -> Result<String, Problem> {
        let stored = self.store(&batch).await;
        stored.map(|()| String::new()).map_err(|_| Problem::from_status(StatusCode::SERVICE_UNAVAILABLE))
    }

    /// Books an entry.
    #[subscribe(concurrency = 8)]
    async fn entry_made(&self, entry: Delivery<EntryMade>, tx: &mut Tx) -> Result<()> {
        let insert = sqlx::query("INSERT INTO booking (number) VALUES ($1)").bind(entry.number);
        insert.execute(&mut *tx).await?;
        if entry.number % RECEIPT == 0 {
            let EntryMade { account, number } = entry.into_inner();
            self.events.publish(tx, EntryBooked { account, number }).await?;
        }
        Ok(())
    }

    /// Files the receipt of an entry that was booked.
    #[subscribe(concurrency = 2)]
    async fn entry_booked(&self, entry: Delivery<EntryBooked>, tx: &mut Tx) -> Result<()> {
        let insert = sqlx::query("INSERT INTO receipt (number) VALUES ($1)").bind(entry.number);
        insert.execute(&mut *tx).await?;
        Ok(())
    }
}

impl Ledger {
    async fn store(&self, batch: &Batch) -> Result<()> {
        let mut tx = self.database.begin().await?;
        for number in batch.first..batch.first + batch.count {
            self.events.publish(&mut tx, EntryMade::new(number)).await?;
        }
        tx.commit().await
    }
}
