//! A PostgreSQL that can't be had is a start-up fault in one sentence that tells no secret.

use chassis::ErrorKind;
use chassis::data::{Database, DatabaseSettings};

use crate::support::{server, with_database};

async fn fault(url: impl Into<String>) -> (ErrorKind, String) {
    let error = Database::connect(&DatabaseSettings::at(url), "test").await.unwrap_err();
    let whole = format!("{error:#} {error:?}");
    assert!(!whole.contains("hunter2") && !whole.contains("alice"), "{whole}");
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn nobody_listens() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (kind, message) = fault(format!("postgres://alice:hunter2@{closed}/shop")).await;
    assert_eq!(kind, ErrorKind::Unavailable);
    assert_eq!(message, format!("nothing listens at postgres://***@{closed}/shop: is the database running there?"));
}

#[tokio::test]
async fn nobody_answers() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = silent.local_addr().unwrap();
    let mut settings = DatabaseSettings::at(format!("postgres://alice:hunter2@{at}/shop"));
    settings.acquire_timeout = std::time::Duration::from_millis(50);
    let error = Database::connect(&settings, "test").await.unwrap_err();
    assert_eq!(error.to_string(), format!("the database at postgres://***@{at}/shop did not answer within 50ms"));
}

#[tokio::test]
async fn wrong_credentials() {
    let mut url = url::Url::parse(&server()).unwrap();
    url.set_username("alice").unwrap();
    url.set_password(Some("hunter2")).unwrap();
    let (kind, message) = fault(url).await;
    assert_eq!(kind, ErrorKind::Config);
    assert!(message.ends_with("rejects the user or the password of `database.url` (28P01)"), "{message}");
}

#[tokio::test]
async fn missing_database() {
    let (kind, message) = fault(with_database(&server(), "no_such_database")).await;
    assert_eq!(kind, ErrorKind::Config);
    assert!(message.starts_with("there is no such database at postgres://***@"), "{message}");
    assert!(message.ends_with("/no_such_database; make it with CREATE DATABASE"), "{message}");
}
