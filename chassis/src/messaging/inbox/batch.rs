//! Claiming many messages at once.

use std::collections::HashSet;

use sqlx::{AssertSqlSafe, Executor, Row};

use crate::data::Tx;
use crate::{Result, ResultExt};

/// At most so many are claimed by one statement, far below what either engine takes as parameters.
const CHUNK: usize = 500;

/// Notes in `tx` that `consumer` handles the messages, and says which of them are new; the others it has handled before.
///
/// # Errors
/// When the database fails.
pub async fn claim_all(tx: &mut Tx, consumer: &str, message_ids: &[&str]) -> Result<HashSet<String>> {
    // In one order everywhere, so that two batches with the same messages wait for each other but never both.
    let mut ids = message_ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut new = HashSet::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        // The text has nothing in it but numbers of parameters.
        let mut query = sqlx::query(AssertSqlSafe(statement(chunk.len()))).persistent(false).bind(consumer.to_owned());
        for id in chunk {
            query = query.bind((*id).to_owned());
        }
        let rows = tx.fetch_all(query).await.context("claiming messages in the inbox")?;
        for row in rows {
            new.insert(row.try_get::<String, _>(0).context("reading the inbox")?);
        }
    }
    Ok(new)
}

fn statement(count: usize) -> String {
    let values: Vec<String> = (2..count + 2).map(|parameter| format!("($1, ${parameter})")).collect();
    let values = values.join(", ");
    format!(
        "INSERT INTO chassis_inbox (consumer, message_id) VALUES {values} ON CONFLICT DO NOTHING RETURNING message_id"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_claims_as_many_as_it_is_given() {
        let expected = "INSERT INTO chassis_inbox (consumer, message_id) VALUES ($1, $2), ($1, $3) \
                        ON CONFLICT DO NOTHING RETURNING message_id";
        assert_eq!(statement(2), expected);
    }
}
