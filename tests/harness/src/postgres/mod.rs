//! Real PostgreSQL servers.
//!
//! A test takes a database of its own on the server of the run:
//!
//! ```no_run
//! # async fn test() {
//! let database = harness::postgres::database("orders").await;
//! println!("connect to {}", database.url());
//! assert_eq!(database.query("SELECT 1 + 1").await, "2");
//! # }
//! ```
//!
//! A test that stops or kills the server starts one of its own with [`Cluster::start`].

mod cluster;
mod database;
mod programs;

pub use cluster::{Cluster, Options};
pub use database::{TestDatabase, database};

/// The variable with the URL of the server of the run; the user it names must be allowed to create databases.
pub const URL_VARIABLE: &str = "CHASSIS_TEST_POSTGRES";

/// Replaces the database in the URL of a server.
fn with_database(url: &str, database: &str) -> String {
    let (server, query) = url.split_once('?').map_or((url, None), |(server, query)| (server, Some(query)));
    let authority = server.find("://").map_or(0, |at| at + 3);
    let end = server[authority..].find('/').map_or(server.len(), |at| authority + at);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}/{database}{query}", &server[..end])
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn the_database_in_a_url_is_replaced() {
        assert_eq!(with_database("postgres://u:p@h:1/old", "new"), "postgres://u:p@h:1/new");
        assert_eq!(with_database("postgres://u:p@h:1", "new"), "postgres://u:p@h:1/new");
        assert_eq!(with_database("postgres://u@h/old?sslmode=disable", "new"), "postgres://u@h/new?sslmode=disable");
    }
}
