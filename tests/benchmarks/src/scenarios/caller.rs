//! Who calls: the client of a contract with everything that guards its calls, and users who come over bare HTTP.

use std::time::Duration;

use bytes::Bytes;
use chassis::prelude::*;
use chassis::testing::{RunningApp, TestApp};
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::depot::DepotClient;

/// Without these a client has no policy but its time limits, which are long.
pub const NO_POLICIES: &str = "timeout = '30s'\nattempt_timeout = '29s'\nretry.attempts = 1\n\
    breaker.mode = 'disabled'\nbulkhead.concurrent = 100000\n";

/// With these it asks one instance after the other, however they are.
pub const ONE_AFTER_THE_OTHER: &str = "balance.policy = 'round_robin'\nbalance.outlier.consecutive_failures = 0\n";

struct Caller;

#[service(name = "caller")]
impl Caller {
    #[init]
    async fn new(_: DepotClient) -> Result<Self> {
        Ok(Self)
    }
}

/// A process that calls the depot as `[clients.depot]` says.
pub async fn caller(settings: &str) -> Result<(RunningApp, DepotClient), String> {
    let settings = format!("[clients.depot]\nurl = 'http://depot.test'\n{settings}");
    let app = TestApp::new().service(Caller::new).settings(settings).start().await;
    let app = app.map_err(|error| format!("{error:#}"))?;
    let client = app.client::<DepotClient>().await.map_err(|error| format!("{error:#}"))?;
    Ok((app, client))
}

/// Users of one service, who wait for so long and then go.
#[derive(Clone)]
pub struct Users {
    base: String,
    patience: Duration,
    client: Client<HttpConnector, Empty<Bytes>>,
}

impl Users {
    pub fn new(base: String, patience: Duration) -> Self {
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build_http();
        Self { base, patience, client }
    }

    /// Whether a GET is answered with success in time. The other side is told how long that is.
    pub async fn get(self, path: String) -> bool {
        let request = Request::get(format!("{}{path}", self.base))
            .header("chassis-deadline", self.patience.as_millis().to_string())
            .body(Empty::new());
        let Ok(request) = request else { return false };
        let answer = async {
            let answer = self.client.request(request).await.ok()?;
            let well = answer.status().is_success();
            answer.into_body().collect().await.ok()?;
            Some(well)
        };
        matches!(tokio::time::timeout(self.patience, answer).await, Ok(Some(true)))
    }
}
