//! Leases: work that only one of several instances may do at a time.

use std::time::Duration;

use sqlx::Row;

use super::{Database, Engine};
use crate::{Result, ResultExt};

/// Takes the leases of jobs, of which each has at most one holder in all processes that share the database.
///
/// Time is the database's, so that the clocks of the instances don't matter; one that is set back ends no lease and holds none
/// up for longer than it was meant to last. The epoch grows with each holder: one that was
/// held up for longer than its lease finds out by it, and so can whatever the job writes to.
#[derive(Debug, Clone, Copy)]
pub struct Leases;

impl Leases {
    /// Takes the lease of `job` for `owner` if nobody holds it. It is held for `ttl` from now unless it is renewed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn try_acquire(db: &Database, job: &str, owner: &str, ttl: Duration) -> Result<Option<Lease>> {
        Self::try_acquire_due(db, job, owner, ttl, Duration::ZERO).await
    }

    /// The same, but only if the job's last run began at least `pause` ago, whichever instance ran it. That is how a job that
    /// is due every minute runs once a minute and not once a minute in each instance.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn try_acquire_due(
        db: &Database,
        job: &str,
        owner: &str,
        ttl: Duration,
        pause: Duration,
    ) -> Result<Option<Lease>> {
        let sql = sql(db.engine());
        let query = sqlx::query(sql.acquire).bind(job.to_owned()).bind(owner.to_owned());
        let rows = db.write_returning(query.bind(millis(ttl)).bind(millis(pause))).await;
        let rows = rows.context("taking the lease of a job")?;
        let Some(row) = rows.first() else {
            let query = sqlx::query(sql.bring_forward).bind(job.to_owned());
            db.write(query).await.context("looking at the lease of a job")?;
            return Ok(None);
        };
        Ok(Some(Lease { db: db.clone(), job: job.to_owned(), owner: owner.to_owned(), epoch: row.try_get(0)? }))
    }
}

/// The right to do a job. Dropped unreleased, it ends when its time is over.
#[derive(Debug)]
pub struct Lease {
    db: Database,
    job: String,
    owner: String,
    epoch: i64,
}

impl Lease {
    /// Grows by one with each holder of the job's lease.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Holds the lease for `ttl` from now. `false` when it had run out and somebody else has taken it.
    ///
    /// # Errors
    /// When the database fails; the lease is then held until its time is over.
    pub async fn renew(&self, ttl: Duration) -> Result<bool> {
        let query = sqlx::query(self.sql().renew).bind(self.job.clone()).bind(self.owner.clone()).bind(self.epoch);
        Ok(self.db.write(query.bind(millis(ttl))).await.context("renewing the lease of a job")? == 1)
    }

    /// Gives the lease back, with a word on how the job went that is kept for people to see. `false` when somebody else has
    /// taken it already.
    ///
    /// # Errors
    /// When the database fails; the lease then ends when its time is over.
    pub async fn release(self, result: &str) -> Result<bool> {
        let query = sqlx::query(self.sql().release).bind(self.job.clone()).bind(self.owner.clone()).bind(self.epoch);
        Ok(self.db.write(query.bind(result.to_owned())).await.context("releasing the lease of a job")? == 1)
    }

    fn sql(&self) -> &'static Sql {
        sql(self.db.engine())
    }
}

fn sql(engine: Engine) -> &'static Sql {
    match engine {
        Engine::Sqlite => &SQLITE,
        Engine::Postgres => &POSTGRES,
    }
}

/// As the databases take it; half of what they can hold, so that it can be added to a time.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}

struct Sql {
    /// A last run that lies further in the future than the pause is one before the clock was set back, and says nothing.
    acquire: &'static str,
    /// A lease that was renewed in the future lasts, from now on, as long as it was meant to then: whoever lives renews it.
    bring_forward: &'static str,
    renew: &'static str,
    release: &'static str,
}

const SQLITE: Sql = Sql {
    acquire: "INSERT INTO chassis_job_lease AS l (job, owner, epoch, lease_until, last_run, renewed_at) \
              VALUES ($1, $2, 1, CAST(unixepoch('subsec') * 1000 AS INTEGER) + $3, CAST(unixepoch('subsec') * 1000 AS INTEGER), \
              CAST(unixepoch('subsec') * 1000 AS INTEGER)) \
              ON CONFLICT (job) DO UPDATE SET owner = excluded.owner, epoch = l.epoch + 1, \
              lease_until = excluded.lease_until, last_run = excluded.last_run, renewed_at = excluded.renewed_at \
              WHERE l.lease_until <= excluded.last_run \
              AND (l.last_run IS NULL OR $4 = 0 OR l.last_run <= excluded.last_run - $4 \
                   OR l.last_run > excluded.last_run + $4) RETURNING epoch",
    bring_forward: "UPDATE chassis_job_lease SET renewed_at = CAST(unixepoch('subsec') * 1000 AS INTEGER), \
              lease_until = CAST(unixepoch('subsec') * 1000 AS INTEGER) + lease_until - renewed_at \
              WHERE job = $1 AND owner IS NOT NULL AND renewed_at > CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    renew: "UPDATE chassis_job_lease SET lease_until = CAST(unixepoch('subsec') * 1000 AS INTEGER) + $4, \
            renewed_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) \
            WHERE job = $1 AND owner = $2 AND epoch = $3",
    release: "UPDATE chassis_job_lease SET owner = NULL, lease_until = 0, last_result = $4 \
              WHERE job = $1 AND owner = $2 AND epoch = $3",
};

// `clock_timestamp()` and not `now()`: a statement that waited for a row lock must see the time at which it got it.
const POSTGRES: Sql = Sql {
    acquire: "INSERT INTO chassis_job_lease AS l (job, owner, epoch, lease_until, last_run, renewed_at) \
              VALUES ($1, $2, 1, clock_timestamp() + $3::bigint * interval '1 millisecond', clock_timestamp(), \
              clock_timestamp()) \
              ON CONFLICT (job) DO UPDATE SET owner = excluded.owner, epoch = l.epoch + 1, \
              lease_until = excluded.lease_until, last_run = excluded.last_run, renewed_at = excluded.renewed_at \
              WHERE l.lease_until <= clock_timestamp() \
              AND (l.last_run IS NULL OR $4::bigint = 0 \
                   OR l.last_run <= clock_timestamp() - $4::bigint * interval '1 millisecond' \
                   OR l.last_run > clock_timestamp() + $4::bigint * interval '1 millisecond') RETURNING epoch",
    bring_forward: "UPDATE chassis_job_lease SET renewed_at = clock_timestamp(), \
              lease_until = clock_timestamp() + (lease_until - renewed_at) \
              WHERE job = $1 AND owner IS NOT NULL AND renewed_at > clock_timestamp()",
    renew: "UPDATE chassis_job_lease SET lease_until = clock_timestamp() + $4::bigint * interval '1 millisecond', \
            renewed_at = clock_timestamp() \
            WHERE job = $1 AND owner = $2 AND epoch = $3",
    release: "UPDATE chassis_job_lease SET owner = NULL, lease_until = '-infinity', last_result = $4 \
              WHERE job = $1 AND owner = $2 AND epoch = $3",
};
