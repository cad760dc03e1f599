use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};
use sqlx::{Any, Either, Execute, Executor, SqlStr, Transaction};
use tokio::sync::OwnedSemaphorePermit;

use super::Engine;
use super::signal::CommitSignal;
use crate::{Error, ErrorKind, Result, ResultExt};

/// A transaction. What is not committed is rolled back when it is dropped.
///
/// `&mut Tx` is a sqlx `Executor`: `query.execute(&mut tx)`, or `query.execute(&mut *tx)` where `tx` is a `&mut Tx` already.
/// Only [`commit`](Self::commit) of this type wakes the relay of the outbox at once; that is why services are given it
/// instead of sqlx's own.
pub struct Tx<DB: sqlx::Database = Any> {
    // Dropped in this order: the rollback is on its way before the next writer gets its turn.
    inner: Transaction<'static, DB>,
    _turn: Option<OwnedSemaphorePermit>,
    engine: Engine,
    /// A statement failed. PostgreSQL then takes nothing but a rollback, and answers COMMIT with one, without an error.
    failed: bool,
    /// The lanes of `signal` to raise after the commit.
    lanes: u8,
    signal: Arc<CommitSignal>,
}

impl<DB: sqlx::Database> Tx<DB> {
    pub(super) fn new(
        inner: Transaction<'static, DB>,
        engine: Engine,
        turn: Option<OwnedSemaphorePermit>,
        signal: Arc<CommitSignal>,
    ) -> Self {
        Self { inner, _turn: turn, engine, failed: false, lanes: 0, signal }
    }

    /// The kind of database it runs on.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Undoes all that was done in it.
    ///
    /// # Errors
    /// When the database can't be told; it undoes it all the same as soon as it notices that the connection is gone.
    pub async fn rollback(self) -> Result<()> {
        self.inner.rollback().await.context("rolling back")
    }

    /// Raises `lane` of the database's commit signal once the commit has succeeded.
    #[cfg_attr(not(feature = "messaging"), expect(dead_code, reason = "the outbox marks its partitions"))]
    pub(crate) fn wake_after_commit(&mut self, lane: usize) {
        self.lanes |= 1 << (lane % super::signal::LANES);
    }
}

impl<DB> Tx<DB>
where
    DB: sqlx::Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    /// Makes all of it last, and then wakes the relay of the outbox.
    ///
    /// # Errors
    /// When it could not be committed. If the connection broke on the way it may have been; whoever can't have it twice
    /// looks again, as the inbox does.
    pub async fn commit(mut self) -> Result<()> {
        if self.failed && self.engine == Engine::Postgres {
            self.inner.execute("SELECT 1").await.map_err(|_| {
                Error::msg(
                    "nothing was committed, since a statement of the transaction had failed and its error was ignored",
                )
            })?;
        }
        // Whatever broke: nobody knows whether it was committed, and nothing may say that it can be asked again.
        self.inner.commit().await.context("committing").kind(ErrorKind::Unexpected)?;
        self.signal.raise(self.lanes);
        Ok(())
    }
}

impl<'c, DB> Executor<'c> for &'c mut Tx<DB>
where
    DB: sqlx::Database,
    for<'x> &'x mut DB::Connection: Executor<'x, Database = DB>,
{
    type Database = DB;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<DB::QueryResult, DB::Row>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let Tx { inner, failed, .. } = self;
        (&mut **inner).fetch_many(query).inspect_err(|_| *failed = true).boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<DB::Row>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let Tx { inner, failed, .. } = self;
        (&mut **inner).fetch_optional(query).inspect_err(|_| *failed = true).boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> BoxFuture<'e, Result<DB::Statement, sqlx::Error>>
    where
        'c: 'e,
    {
        let Tx { inner, failed, .. } = self;
        (&mut **inner).prepare_with(sql, parameters).inspect_err(|_| *failed = true).boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<sqlx::Describe<DB>, sqlx::Error>>
    where
        'c: 'e,
    {
        let Tx { inner, failed, .. } = self;
        (&mut **inner).describe(sql).inspect_err(|_| *failed = true).boxed()
    }
}

impl<DB: sqlx::Database> fmt::Debug for Tx<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").field("engine", &self.engine).field("failed", &self.failed).finish_non_exhaustive()
    }
}
