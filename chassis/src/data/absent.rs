//! Databases, which need the feature `sqlite` or `postgres`.
//!
//! Without them the names are there, and nothing of that name can be: `#[service]` refuses what needs one, and says why.

mod feature;

pub use feature::DatabaseFeature;

use crate::Result;

/// A service's database, of which there is none without the feature `sqlite` or `postgres`.
#[derive(Debug, Clone)]
pub enum Database {}

/// A transaction, of which there is none without the feature `sqlite` or `postgres`.
#[derive(Debug)]
pub enum Tx {}

impl Database {
    /// Begins a transaction.
    ///
    /// # Errors
    /// There is no database to call it on.
    pub async fn begin(&self) -> Result<Tx> {
        match *self {}
    }
}

impl Tx {
    /// Makes all of it last.
    ///
    /// # Errors
    /// There is no transaction to call it on.
    pub async fn commit(self) -> Result<()> {
        match self {}
    }
}
