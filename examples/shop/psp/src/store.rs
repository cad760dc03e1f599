//! The provider's records.

use chassis::Result;
use chassis::data::Tx;
use psp_contract::{Charge, ChargeRequest};
use shop_money::Money;

use crate::cards::Behaviour;

/// A charge, and the card that it was asked for.
pub(crate) struct Record {
    pub(crate) charge: Charge,
    pub(crate) token: String,
}

/// Writes a charge down, once for each key; gives whether it is new.
pub(crate) async fn record(tx: &mut Tx, key: &str, request: &ChargeRequest, behaviour: Behaviour) -> Result<bool> {
    let inserted = sqlx::query(
        "INSERT INTO charges (key, amount, currency, token, approved, reason, asked, at)
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7) ON CONFLICT (key) DO NOTHING",
    )
    .bind(key)
    .bind(request.amount.amount)
    .bind(request.amount.currency.code())
    .bind(&request.token)
    .bind(i64::from(behaviour.refusal().is_none()))
    .bind(behaviour.refusal().unwrap_or_default())
    .bind(jiff::Timestamp::now().as_millisecond())
    .execute(&mut *tx)
    .await?;
    if inserted.rows_affected() == 1 {
        return Ok(true);
    }
    sqlx::query("UPDATE charges SET asked = asked + 1 WHERE key = $1").bind(key).execute(&mut *tx).await?;
    Ok(false)
}

/// What became of the charge under a key.
pub(crate) async fn find(tx: &mut Tx, key: &str) -> Result<Option<Record>> {
    let row: Option<(i64, String, String, i64, String)> =
        sqlx::query_as("SELECT amount, currency, token, approved, reason FROM charges WHERE key = $1")
            .bind(key)
            .fetch_optional(&mut *tx)
            .await?;
    row.map(|(amount, currency, token, approved, reason)| {
        let charge = Charge {
            key: key.to_owned(),
            amount: Money::new(amount, currency.parse()?),
            approved: approved == 1,
            reason: Some(reason).filter(|reason| !reason.is_empty()),
        };
        Ok(Record { charge, token })
    })
    .transpose()
}
