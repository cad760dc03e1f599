//! A database per test.

use std::process::{Command, Stdio};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use tokio::sync::OnceCell;

use super::cluster::Cluster;
use super::programs::program;
use super::{URL_VARIABLE, with_database};

static OWN: OnceCell<Arc<Cluster>> = OnceCell::const_new();

/// A database that is the test's own, on the server of the run, or on one that this process starts if there is none.
/// `name` becomes part of its name. It is dropped with its connections when the handle is.
pub async fn database(name: &str) -> TestDatabase {
    let (server, cluster) = match std::env::var(URL_VARIABLE) {
        Ok(url) => (url, None),
        Err(_) => {
            let cluster = OWN.get_or_init(async || Arc::new(Cluster::start().await)).await;
            (cluster.url(), Some(cluster.clone()))
        }
    };
    let name = format!("{name}_{:08x}", fastrand::u32(..));
    query(&server, &format!("CREATE DATABASE \"{name}\"")).await;
    TestDatabase { url: with_database(&server, &name), server, name, _cluster: cluster }
}

/// A database of the test's own.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    server: String,
    name: String,
    _cluster: Option<Arc<Cluster>>,
}

impl TestDatabase {
    /// Its URL, with user and password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rows of a query as lines, their columns separated by `|`, as seen from another connection.
    pub async fn query(&self, sql: &str) -> String {
        query(&self.url, sql).await
    }

    /// Ends all connections to it, as an operator would.
    pub async fn end_connections(&self) {
        let name = &self.name;
        let sql = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        query(&self.server, &sql).await;
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", self.name);
        // What is left of a server that is gone needs no dropping.
        let _ = psql(&self.server, &sql).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

fn psql(url: &str, sql: &str) -> Command {
    let mut command = Command::new(program("psql"));
    let (url, password) = without_password(url);
    command
        .args(["--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"])
        .args(["--command", sql, "--dbname", &url])
        // By the environment, since anybody may read the arguments of a process.
        .env("PGPASSWORD", password)
        .env("PGCONNECT_TIMEOUT", "5")
        .current_dir("/")
        .stdin(Stdio::null());
    command
}

fn without_password(url: &str) -> (String, String) {
    let split = || {
        let (scheme, rest) = url.split_once("://")?;
        let (user, host) = rest.split_once('@')?;
        let (user, password) = user.split_once(':')?;
        let password = percent_decode_str(password).decode_utf8_lossy().into_owned();
        Some((format!("{scheme}://{user}@{host}"), password))
    };
    split().unwrap_or_else(|| (url.to_owned(), String::new()))
}

pub(super) async fn query(url: &str, sql: &str) -> String {
    try_query(url, sql).await.unwrap_or_else(|error| panic!("`{sql}` failed: {error}"))
}

pub(super) async fn try_query(url: &str, sql: &str) -> Result<String, String> {
    let mut command = tokio::process::Command::from(psql(url, sql));
    let output = command.kill_on_drop(true).output().await.map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
