//! Which kind an error of sqlx is of.

use sqlx::error::DatabaseError;

use super::ErrorKind;

/// Whether SQLite gave up waiting for somebody else.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.message().contains("database is locked"))
}

/// The kind of an error that lies with the database, and not with what was asked of it.
pub(super) fn kind_of(error: &sqlx::Error) -> Option<ErrorKind> {
    match error {
        sqlx::Error::PoolTimedOut => Some(ErrorKind::Overloaded),
        sqlx::Error::PoolClosed => Some(ErrorKind::Closed),
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => Some(ErrorKind::Unavailable),
        sqlx::Error::Database(_) if is_busy(error) => Some(ErrorKind::Overloaded),
        sqlx::Error::Database(error) => of_code(&**error),
        _ => None,
    }
}

/// What PostgreSQL says while it has no room, ends or begins: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn of_code(error: &dyn DatabaseError) -> Option<ErrorKind> {
    match &*error.code()? {
        "57P01" | "57P02" | "57P03" => Some(ErrorKind::Unavailable),
        code if code.len() == 5 && code.starts_with("08") => Some(ErrorKind::Unavailable),
        code if code.len() == 5 && code.starts_with("53") => Some(ErrorKind::Overloaded),
        _ => None,
    }
}
