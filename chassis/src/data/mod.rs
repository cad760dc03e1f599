//! Databases, transactions, migrations and leases, on SQLite and PostgreSQL alike.
//!
//! A service is given a [`Database`] and writes in a [`Tx`]: what it changes and what it publishes in one transaction is
//! stored together or not at all. Portable SQL goes through sqlx's `Any` driver, with `$1` placeholders on both engines;
//! ids are text and times are milliseconds there, since UUID, JSONB and TIMESTAMPTZ do not pass through it.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use chassis::data::{Database, DatabaseSettings, sqlx};
//!
//! let folder = std::env::temp_dir().join("chassis-data-example");
//! let settings = DatabaseSettings::at(format!("sqlite:{}/hello.db", folder.display()));
//! let db = Database::connect(&settings, "hello").await?;
//!
//! let mut tx = db.begin().await?;
//! sqlx::query("CREATE TABLE IF NOT EXISTS greeting (name TEXT PRIMARY KEY, times BIGINT NOT NULL)").execute(&mut tx).await?;
//! sqlx::query("INSERT INTO greeting VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET times = greeting.times + 1")
//!     .bind("world")
//!     .execute(&mut tx)
//!     .await?;
//! tx.commit().await?;
//! # db.close().await;
//! # std::fs::remove_dir_all(folder)?;
//! # Ok::<(), chassis::Error>(())
//! # }).unwrap();
//! ```

mod connect;
mod database;
mod executor;
mod feature;
pub mod idempotency;
mod lease;
mod migrate;
mod settings;
mod signal;
mod target;
mod tx;

pub use database::{Database, Engine};
#[doc(hidden)]
pub use feature::DatabaseFeature;
pub use lease::{Lease, Leases};
pub use migrate::migrations;
#[doc(hidden)]
pub use migrate::version;
pub use settings::DatabaseSettings;
/// The library below, in the version that [`Tx`] and [`Database`] speak.
pub use sqlx;
pub use tx::Tx;
