//! The databases whose outboxes are emptied: they write to the disk before they say so.

use harness::guard::Folder;
use harness::postgres::Cluster;

use super::arguments::Arguments;
use crate::progress::say;

/// Where backlogs are stored.
pub struct Backlogs {
    postgres: Option<Cluster>,
    sqlite: Option<Folder>,
}

impl Backlogs {
    /// Starts what the wanted rows need.
    pub async fn start(arguments: &Arguments) -> Self {
        let postgres = if arguments.wants("relay-postgres") {
            say("starting PostgreSQL");
            Some(Cluster::options().fsync().start().await)
        } else {
            None
        };
        Self { postgres, sqlite: arguments.wants("relay-sqlite").then(|| Folder::new("benchmark")) }
    }

    /// A new database for each row, by its URL.
    pub async fn databases(&self) -> Vec<(&'static str, String)> {
        let (mut databases, name) = (Vec::new(), format!("backlog_{:08x}", fastrand::u32(..)));
        if let Some(cluster) = &self.postgres {
            databases.push(("relay-postgres", cluster.create_database(&name).await));
        }
        if let Some(folder) = &self.sqlite {
            databases.push(("relay-sqlite", format!("sqlite:{}", folder.join(format!("{name}.db")).display())));
        }
        databases
    }
}
