//! What `#[subscribe]` declares, in a whole service.

use std::time::Duration;

use chassis::messaging::driver::{Outgoing, QueueRole, Topology};
use chassis::messaging::{Message, driver, envelope};
use chassis::prelude::*;
use chassis::testing::{RunningApp, TestApp};
use chassis::{Context, sqlx};

#[event(name = "page.viewed", version = 1, owner = "shop")]
#[derive(PartialEq)]
pub(crate) struct PageViewed {
    pub(crate) path: String,
}

#[event(name = "order.moved", version = 1, key = order_id, owner = "shop")]
#[derive(PartialEq)]
pub(crate) struct OrderMoved {
    pub(crate) order_id: String,
    pub(crate) place: i64,
}

#[event(name = "order.judged", version = 1, owner = "shop")]
#[derive(PartialEq)]
pub(crate) struct OrderJudged {
    pub(crate) verdict: String,
}

#[event(name = "order.rated", version = 1, owner = "shop")]
pub(crate) struct OrderRatedV1 {
    pub(crate) stars: i64,
}

#[event(name = "order.rated", version = 2, owner = "shop")]
#[derive(PartialEq)]
pub(crate) struct OrderRated {
    pub(crate) percent: i64,
}

impl From<OrderRatedV1> for OrderRated {
    fn from(older: OrderRatedV1) -> Self {
        Self { percent: older.stars * 20 }
    }
}

struct View {
    database: Database,
}

#[service(name = "view", migrations = "tests/kit-migrations")]
impl View {
    #[init]
    async fn new(database: Database) -> Result<Self> {
        Ok(Self { database })
    }

    /// A row for each page, with the size of its batch.
    #[subscribe(batch = 4, within = "5s")]
    async fn page_viewed(&self, events: Vec<Delivery<PageViewed>>, tx: &mut Tx) -> Result<()> {
        for event in &events {
            reserve(&mut *tx, &event.path, events.len() as i64).await?;
        }
        Ok(())
    }

    /// A row for each order with its last place; a place that it was at already is a fault of the order.
    #[subscribe(ordered, concurrency = 3)]
    async fn order_moved(&self, event: Delivery<OrderMoved>, tx: &mut Tx) -> Result<()> {
        let last: Option<i64> = sqlx::query_scalar("SELECT max(units) FROM reserved WHERE order_id = $1")
            .bind(event.order_id.clone())
            .fetch_one(&mut *tx)
            .await?;
        if last.unwrap_or(0) + 1 != event.place {
            return Err(Error::new(ErrorKind::Invalid, format!("at {last:?}, and now at {}", event.place)));
        }
        reserve(tx, &event.order_id, event.place).await
    }

    /// Takes both versions of its event, and sees the newer alone.
    #[subscribe(accepts(OrderRatedV1))]
    async fn order_rated(&self, event: Delivery<OrderRated>, tx: &mut Tx) -> Result<()> {
        reserve(tx, event.received().kind(), event.percent).await
    }

    /// The same in batches.
    #[subscribe(accepts(OrderRatedV1), batch = 2, within = "5s")]
    async fn order_rated_twice(&self, events: Vec<Delivery<OrderRated>>, tx: &mut Tx) -> Result<()> {
        reserve(tx, "batch", events.iter().map(|event| event.percent).sum()).await
    }

    #[subscribe(at_least_once, retry = "picky")]
    async fn order_judged(&self, event: Delivery<OrderJudged>) -> Result<()> {
        match event.verdict.as_str() {
            "invalid" => Err(Error::new(ErrorKind::Invalid, "nonsense")),
            "protocol" => Err(Error::new(ErrorKind::Protocol, "unknown")),
            "refused" => Err(Error::new(ErrorKind::CircuitOpen, "the circuit is open")),
            verdict => sqlx::query("INSERT INTO reserved VALUES ($1, 0)")
                .bind(verdict.to_owned())
                .execute(self.database.pool())
                .await
                .map(|_| ())
                .map_err(Error::from),
        }
    }
}

async fn reserve(tx: &mut Tx, name: &str, units: i64) -> Result<()> {
    sqlx::query("INSERT INTO reserved VALUES ($1, $2)").bind(name.to_owned()).bind(units).execute(tx).await?;
    Ok(())
}

const SETTINGS: &str = "[messaging.retry.picky]\nimmediate = 1\non = { invalid = 'discard', protocol = 'park' }";

async fn view() -> RunningApp {
    TestApp::new().service(View::new).settings(SETTINGS).start().await.unwrap()
}

async fn rows(app: &RunningApp) -> Vec<(String, i64)> {
    let rows = sqlx::query_as("SELECT order_id, units FROM reserved ORDER BY order_id, units");
    rows.fetch_all(app.database("view").pool()).await.unwrap()
}

#[tokio::test]
async fn a_batch_comes_as_one() {
    let app = view().await;
    for path in ["/a", "/b", "/c", "/d"] {
        app.publish(PageViewed { path: path.into() }).await.unwrap();
    }
    let activity = app.run_until_idle().await;
    assert_eq!(activity.handled_from("view.page-viewed"), 4);
    assert_eq!(rows(&app).await, ["/a", "/b", "/c", "/d"].map(|path| (path.to_owned(), 4)));
    app.stop().await;
}

#[tokio::test]
async fn an_ordered_handler_sees_each_key_in_order() {
    let app = view().await;
    for place in 1..=10 {
        for order_id in ["a", "b", "c", "d"] {
            app.publish(OrderMoved { order_id: order_id.into(), place }).await.unwrap();
        }
    }
    let activity = app.run_until_idle().await;
    activity.assert_nothing_parked();
    assert_eq!(rows(&app).await.len(), 40);
    // One consumer at a time is a promise of the queue.
    let queues = vec![driver::Queue { name: "view.order-moved".into(), role: QueueRole::WorkSingleActive }];
    app.broker().driver().declare(Topology { queues, ..Topology::default() }).await.unwrap();
    app.stop().await;
}

#[tokio::test]
async fn the_settings_say_what_becomes_of_which_error() {
    let app = view().await;
    for verdict in ["invalid", "protocol", "good"] {
        app.publish(OrderJudged { verdict: verdict.into() }).await.unwrap();
    }
    let activity = app.run_until_idle().await;
    let parked: Vec<_> = activity.parked.iter().map(|parked| (parked.reason.as_str(), parked.error.as_str())).collect();
    assert_eq!(parked, [("failed", "unknown")]);
    assert_eq!(activity.handled_from("view.order-judged"), 2, "one was discarded");
    assert_eq!(rows(&app).await, [("good".to_owned(), 0)]);
    app.stop().await;
}

#[tokio::test]
async fn an_older_version_comes_as_the_newer() {
    let app = view().await;
    app.publish(OrderRatedV1 { stars: 4 }).await.unwrap();
    app.publish(OrderRated { percent: 70 }).await.unwrap();
    let activity = app.run_until_idle().await;
    activity.assert_nothing_parked();
    let expected = [("batch", 150), ("order.rated.v1", 80), ("order.rated.v2", 70)];
    assert_eq!(rows(&app).await, expected.map(|(name, units)| (name.to_owned(), units)));
    app.stop().await;
}

#[tokio::test]
async fn a_listener_that_pauses_degrades_its_service() {
    let app = view().await;
    let management = harness::http::Client::new(app.management_url());
    let answers = |word: &'static str| {
        let management = management.clone();
        async move {
            let answer = management.get("/readyz").send().await;
            (answer.status() == 200 && answer.text().trim() == word).then_some(())
        }
    };
    harness::eventually("ready", || answers("up")).await;
    app.publish(OrderJudged { verdict: "refused".into() }).await.unwrap();
    harness::eventually("degraded", || answers("degraded")).await;
    app.stop().await;
}

#[tokio::test]
async fn an_operator_pauses_and_resumes_a_consumer() {
    let app = TestApp::new().service(View::new).settings(SETTINGS).settings("management.token = 'letmein'");
    let app = app.start().await.unwrap();
    let management = harness::http::Client::new(app.management_url());
    let order = async |what: &str, body: serde_json::Value| {
        let path = format!("/admin/consumers/view.order-judged/{what}");
        management.post(&path).header("authorization", "Bearer letmein").json(&body).send().await
    };
    let listed = async || {
        let answer = management.get("/admin/consumers").header("authorization", "Bearer letmein").send().await;
        assert_eq!(answer.json()["orphans"], serde_json::json!([]));
        let all = answer.json()["consumers"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["queue"] == "view.order-judged").unwrap()
    };
    assert_eq!(listed().await["state"], "consuming");
    assert_eq!(order("pause", serde_json::json!({ "reason": " " })).await.status(), 422);
    assert_eq!(order("pause", serde_json::json!({ "reason": "moving house" })).await.status(), 200);
    harness::eventually("paused", || async {
        let one = listed().await;
        (one["state"] == "paused" && one["cause"] == "moving house" && one["paused_by_operator"] == true).then_some(())
    })
    .await;
    app.publish(OrderJudged { verdict: "waits".into() }).await.unwrap();
    assert!(app.run_until_idle().await.handled.is_empty());
    assert_eq!(order("resume", serde_json::json!({})).await.status(), 200);
    harness::eventually("handled", || async { (!rows(&app).await.is_empty()).then_some(()) }).await;
    assert_eq!(order("pause", serde_json::json!({ "why": "?" })).await.status(), 422);
    let nowhere = management.post("/admin/consumers/nowhere/resume").header("authorization", "Bearer letmein");
    assert_eq!(nowhere.json(&serde_json::json!({})).send().await.status(), 404);
    app.stop().await;
}

#[tokio::test]
async fn a_policy_that_is_misspelt_is_reported_at_start() {
    let settings = "[messaging.retry.picky]\nimmediate = 1\non = { invalid = 'parc', unavailble = 'pause' }";
    let Err(error) = TestApp::new().service(View::new).settings(settings).start().await else {
        panic!("it must not start")
    };
    let error = format!("{error:#}");
    for part in ["messaging.retry.picky.on.invalid", "did you mean \"park\"?", "messaging.retry.picky.on.unavailble"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn a_message_of_another_type_is_set_aside() {
    let app = view().await;
    let moved = OrderMoved { order_id: "a".into(), place: 1 };
    let message: Message = envelope::encode(&moved, "shop", &Context::default()).unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let (exchange, routing_key) = ("".into(), "view.order-judged".into());
    let outgoing = Outgoing { exchange, routing_key, mandatory: true, message, deadline };
    app.broker().driver().publish(outgoing).await.unwrap();
    let activity = app.run_until_idle().await;
    assert_eq!(activity.parked.len(), 1);
    assert_eq!(
        (activity.parked[0].queue.as_str(), activity.parked[0].reason.as_str()),
        ("view.order-judged", "unmatched")
    );
    assert_eq!(app.broker().depth("view.order-judged.unmatched").map(|depth| depth.ready), Some(1));
    app.stop().await;
}
