//! Answers that are kept, so that a request which is sent again is not done again.
//!
//! The claim of a key is stored before the work begins, so that a second request sees that the first is under way; the answer
//! is stored when the work is done. A claim whose process has died may be taken over when its lease is over.

use std::time::Duration;

use sqlx::Row;
use uuid::Uuid;

use super::lease::millis;
use super::{Database, Engine};
use crate::{Result, ResultExt};

/// How long an answer is kept. When it was claimed is known by it, so that it must not become shorter.
const KEEP: Duration = Duration::from_secs(24 * 60 * 60);

/// One request, as it is told apart from others.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is asked for, such as `POST /orders`.
    pub operation: String,
    /// Who asks; keys of different subjects are different keys.
    pub subject: String,
    /// The client's key.
    pub key: String,
    /// A digest of the body: the same key with another body is a mistake.
    pub body: Vec<u8>,
}

/// What is known of a request.
#[derive(Debug)]
pub enum Seen {
    /// It is new, or was given up: it is to be done now.
    Claimed(Claim),
    /// It was done; the answer.
    Done(Answer),
    /// It is being done.
    InFlight,
    /// The key was used for another request.
    OtherBody,
}

/// An answer as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The content type, if there is one.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// The right to do a request.
#[derive(Debug)]
pub struct Claim {
    db: Database,
    request: Request,
    owner: String,
}

impl Claim {
    /// Claims `request` for as long as `lease`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take(db: &Database, request: Request, lease: Duration) -> Result<Seen> {
        let sql = sql(db);
        let owner = Uuid::new_v4().to_string();
        let claimed = db
            .write_returning(
                sqlx::query(sql.claim)
                    .bind(request.operation.clone())
                    .bind(request.subject.clone())
                    .bind(request.key.clone())
                    .bind(request.body.clone())
                    .bind(owner.clone())
                    .bind(millis(lease))
                    .bind(millis(KEEP)),
            )
            .await
            .context("claiming an idempotency key")?;
        if !claimed.is_empty() {
            return Ok(Seen::Claimed(Self { db: db.clone(), request, owner }));
        }
        let found = sqlx::query(sql.find)
            .bind(request.operation.clone())
            .bind(request.subject.clone())
            .bind(request.key.clone())
            .fetch_optional(db.pool())
            .await
            .context("reading an idempotency key")?;
        // Given back between the two statements: as good as in flight, since the client tries again.
        let Some(row) = found else { return Ok(Seen::InFlight) };
        if row.try_get::<Vec<u8>, _>(0)? != request.body {
            return Ok(Seen::OtherBody);
        }
        if row.try_get::<String, _>(1)? != "done" {
            let query = sqlx::query(sql.bring_forward).bind(request.operation).bind(request.subject).bind(request.key);
            db.write(query.bind(millis(KEEP))).await.context("looking at an idempotency key")?;
            return Ok(Seen::InFlight);
        }
        Ok(Seen::Done(Answer {
            status: u16::try_from(row.try_get::<i64, _>(2)?).unwrap_or(200),
            content_type: row.try_get(3)?,
            body: row.try_get(4)?,
        }))
    }

    /// Keeps the answer. `false` when the claim had run out and somebody else has taken it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn done(self, answer: &Answer) -> Result<bool> {
        let query = sqlx::query(sql(&self.db).done)
            .bind(self.request.operation)
            .bind(self.request.subject)
            .bind(self.request.key)
            .bind(self.owner)
            .bind(i64::from(answer.status))
            .bind(answer.content_type.clone())
            .bind(answer.body.clone());
        Ok(self.db.write(query).await.context("keeping an idempotent answer")? == 1)
    }

    /// Gives the claim back, so that the request may be tried again.
    ///
    /// # Errors
    /// When the database fails; the claim then ends with its lease.
    pub async fn release(self) -> Result<()> {
        let query = sqlx::query(sql(&self.db).release)
            .bind(self.request.operation)
            .bind(self.request.subject)
            .bind(self.request.key)
            .bind(self.owner);
        self.db.write(query).await.context("giving an idempotency key back")?;
        Ok(())
    }
}

fn sql(db: &Database) -> &'static Sql {
    match db.engine() {
        Engine::Sqlite => &SQLITE,
        Engine::Postgres => &POSTGRES,
    }
}

struct Sql {
    claim: &'static str,
    /// A claim that was made in the future, before the clock was set back, lasts from now on as long as it was meant to then.
    bring_forward: &'static str,
    find: &'static str,
    done: &'static str,
    release: &'static str,
}

const RELEASE: &str = "DELETE FROM chassis_idempotency_key \
                       WHERE operation = $1 AND subject = $2 AND key = $3 AND claimed_by = $4 AND state = 'claimed'";

const SQLITE: Sql = Sql {
    claim: "INSERT INTO chassis_idempotency_key AS k \
            (operation, subject, key, body_hash, state, claimed_by, lease_until, expires_at) \
            VALUES ($1, $2, $3, $4, 'claimed', $5, CAST(unixepoch('subsec') * 1000 AS INTEGER) + $6, \
            CAST(unixepoch('subsec') * 1000 AS INTEGER) + $7) \
            ON CONFLICT (operation, subject, key) DO UPDATE SET body_hash = excluded.body_hash, state = 'claimed', \
            claimed_by = excluded.claimed_by, lease_until = excluded.lease_until, expires_at = excluded.expires_at, \
            status = NULL, headers = NULL, body = NULL \
            WHERE k.expires_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) OR (k.state = 'claimed' \
            AND k.body_hash = excluded.body_hash AND k.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER)) \
            RETURNING claimed_by",
    bring_forward: "UPDATE chassis_idempotency_key \
            SET lease_until = lease_until - expires_at + $4 + CAST(unixepoch('subsec') * 1000 AS INTEGER), \
            expires_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) + $4 \
            WHERE operation = $1 AND subject = $2 AND key = $3 AND state = 'claimed' \
            AND expires_at > CAST(unixepoch('subsec') * 1000 AS INTEGER) + $4",
    find: "SELECT body_hash, state, COALESCE(status, 0), headers, COALESCE(body, X'') FROM chassis_idempotency_key \
           WHERE operation = $1 AND subject = $2 AND key = $3",
    done: "UPDATE chassis_idempotency_key SET state = 'done', status = $5, headers = $6, body = $7 \
           WHERE operation = $1 AND subject = $2 AND key = $3 AND claimed_by = $4 AND state = 'claimed'",
    release: RELEASE,
};

// The content type is kept as a JSON text. `clock_timestamp()` and not `now()`: a statement that waited for a row lock must see the time at
// which it got it.
const POSTGRES: Sql = Sql {
    claim: "INSERT INTO chassis_idempotency_key AS k \
            (operation, subject, key, body_hash, state, claimed_by, lease_until, expires_at) \
            VALUES ($1, $2, $3, $4, 'claimed', $5, clock_timestamp() + $6::bigint * interval '1 millisecond', \
            clock_timestamp() + $7::bigint * interval '1 millisecond') \
            ON CONFLICT (operation, subject, key) DO UPDATE SET body_hash = excluded.body_hash, state = 'claimed', \
            claimed_by = excluded.claimed_by, lease_until = excluded.lease_until, expires_at = excluded.expires_at, \
            status = NULL, headers = NULL, body = NULL \
            WHERE k.expires_at <= clock_timestamp() OR (k.state = 'claimed' \
            AND k.body_hash = excluded.body_hash AND k.lease_until <= clock_timestamp()) \
            RETURNING claimed_by",
    bring_forward: "UPDATE chassis_idempotency_key \
            SET lease_until = clock_timestamp() + $4::bigint * interval '1 millisecond' + (lease_until - expires_at), \
            expires_at = clock_timestamp() + $4::bigint * interval '1 millisecond' \
            WHERE operation = $1 AND subject = $2 AND key = $3 AND state = 'claimed' \
            AND expires_at > clock_timestamp() + $4::bigint * interval '1 millisecond'",
    find: "SELECT body_hash, state, COALESCE(status, 0)::bigint, headers #>> '{}', COALESCE(body, ''::bytea) \
           FROM chassis_idempotency_key WHERE operation = $1 AND subject = $2 AND key = $3",
    done: "UPDATE chassis_idempotency_key SET state = 'done', status = $5::bigint::smallint, headers = to_jsonb($6::text), \
           body = $7 WHERE operation = $1 AND subject = $2 AND key = $3 AND claimed_by = $4 AND state = 'claimed'",
    release: RELEASE,
};
