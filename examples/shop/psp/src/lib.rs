//! A payment provider, simulated. It plays the outside world: it has records of its own, with which the shop's are compared, and the
//! card decides how it behaves.

mod cards;
mod store;

use std::time::Duration;

use cards::Behaviour;
use chassis::prelude::*;
use psp_contract::{Charge, ChargeRequest, Psp, PspError};

/// For how long an answer gets lost: longer than anybody waits.
const LOST: Duration = Duration::from_secs(8);

/// The service.
pub struct PspService {
    db: Database,
}

#[service(name = "psp", provides(Psp), migrations = "migrations")]
impl PspService {
    #[init]
    #[expect(missing_docs, reason = "called by the chassis")]
    pub async fn new(db: Database) -> Result<Self> {
        Ok(Self { db })
    }
}

impl Psp for PspService {
    async fn charge(&self, key: String, request: ChargeRequest) -> Result<Charge, PspError> {
        let behaviour = cards::behaviour(&request.token);
        let mut tx = self.db.begin().await?;
        let new = store::record(&mut tx, &key, &request, behaviour).await?;
        let record = store::find(&mut tx, &key).await?.ok_or(PspError::UnknownCharge)?;
        tx.commit().await?;
        if record.charge.amount != request.amount || record.token != request.token {
            return Err(PspError::KeyReused);
        }
        if new && behaviour == Behaviour::ApproveAndLoseTheAnswer {
            tokio::time::sleep(LOST).await;
        }
        Ok(record.charge)
    }

    async fn find(&self, key: String) -> Result<Charge, PspError> {
        let mut tx = self.db.begin().await?;
        Ok(store::find(&mut tx, &key).await?.ok_or(PspError::UnknownCharge)?.charge)
    }
}
