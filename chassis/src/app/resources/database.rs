//! The database of a service.

use tokio::task::JoinHandle;

use crate::app::erased::Provider;
use crate::app::{Needs, Part, Parts};
use crate::config::Config;
use crate::data::{Database, DatabaseSettings};
use crate::health::{Check, CheckOutcome, Impact, Registry};
use crate::{BoxFuture, Error, ErrorKind, Result};

/// Connects to the database of a service, if it has one, and migrates it.
pub(super) async fn open(config: &Config, provider: &dyn Provider) -> Result<Option<Database>> {
    if !provider.needs().database && !config.contains("database.url") {
        return Ok(None);
    }
    let settings: DatabaseSettings = config.read()?;
    let database = Database::connect(&settings, provider.name()).await?;
    database.migrate_library().await?;
    if let Some(migrations) = provider.migrations() {
        database.migrate(migrations).await?;
    }
    Ok(Some(database))
}

/// Asks the database over and over whether it is there.
pub(super) fn watch(database: &Database, health: &Registry) -> JoinHandle<()> {
    let asked = database.clone();
    let check = Check::new(format!("{}/database", database.service()), Impact::Required, move || {
        let database = asked.clone();
        Box::pin(async move { database.ping().await.into_health() })
    });
    tokio::spawn(check.watch(health))
}

impl Part for Database {
    fn provide(parts: &Parts) -> BoxFuture<'_, Result<Self>> {
        Box::pin(async move {
            let missing = || Error::new(ErrorKind::Config, "the service has no database: set `database.url`");
            parts.shared().ok_or_else(missing)
        })
    }

    fn needs(needs: &mut Needs) {
        needs.database = true;
    }
}
