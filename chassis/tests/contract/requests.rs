//! Requests as any program may send them.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::support::Served;

async fn send(served: &Served, method: Method, path: &str, kind: Option<&str>, body: &str) -> (StatusCode, Value) {
    let mut request = Request::builder().method(method).uri(format!("{}{path}", served.address));
    if let Some(kind) = kind {
        request = request.header("content-type", kind);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await.unwrap();
    let status = response.status();
    let media = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    if !status.is_success() {
        assert_eq!(media.as_deref(), Some("application/problem+json"));
    }
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

const JSON: Option<&str> = Some("application/json");

#[tokio::test]
async fn successes_have_their_declared_status() {
    let served = Served::start().await;
    let body = json!({ "order": 1, "lines": [] }).to_string();
    assert_eq!(send(&served, Method::POST, "/v2/reservations", JSON, &body).await, (StatusCode::CREATED, json!(1)));
    assert_eq!(send(&served, Method::DELETE, "/v2/stock/mug", None, "").await.0, StatusCode::ACCEPTED);
    assert_eq!(send(&served, Method::POST, "/v2/work", JSON, "\"x\"").await.0, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_promised_error_is_problem_json() {
    let served = Served::start().await;
    let body = json!({ "order": 1, "lines": [{ "sku": "mug", "quantity": 9 }] }).to_string();
    let (status, problem) = send(&served, Method::POST, "/v2/reservations", JSON, &body).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(
        problem,
        json!({
            "type": "urn:problem:inventory:out_of_stock",
            "title": "Not enough of it",
            "status": 409,
            "detail": "only 7 left",
            "instance": "/v2/reservations",
            "code": "out_of_stock",
            "data": { "sku": "mug", "available": 7 },
        })
    );
}

#[tokio::test]
async fn a_wrong_body_is_named_and_not_repeated() {
    let served = Served::start().await;
    for (body, status, pointer) in [
        (r#"{"order":"hunter2","lines":[]}"#, 422, "/order"),
        (r#"{"order":1,"lines":[{"sku":"a","quantity":"hunter2"}]}"#, 422, "/lines/0/quantity"),
        (r#"{"order":1,"lines":[{"sku":"hunter2"}]}"#, 422, "/lines/0/quantity"),
        (r#"{"lines":[]}"#, 422, "/order"),
        (r#"{"order":-1,"lines":[]}"#, 422, "/order"),
    ] {
        let (got, problem) = send(&served, Method::POST, "/v2/reservations", JSON, body).await;
        assert_eq!((got.as_u16(), problem["code"].as_str()), (status, Some("invalid_request")), "{problem}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        assert!(!problem.to_string().contains("hunter2"), "{problem}");
    }
    for (kind, body, status, code) in [
        (JSON, r#"{"order":1,"#, 400, "malformed_body"),
        (JSON, r#"{"order":1,"lines":[]} x"#, 400, "malformed_body"),
        (JSON, "", 422, "invalid_request"),
        (Some("text/plain"), "{}", 415, "unsupported_media_type"),
    ] {
        let (got, problem) = send(&served, Method::POST, "/v2/reservations", kind, body).await;
        assert_eq!((got.as_u16(), problem["code"].as_str()), (status, Some(code)), "{problem}");
    }
}

#[tokio::test]
async fn every_wrong_argument_of_the_head_is_named() {
    let served = Served::start().await;
    let (status, problem) = send(&served, Method::GET, "/v2/numbers/hunter2/maybe", None, "").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let pointers: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/path/number", "/path/negative"]);
    assert!(!problem.to_string().contains("maybe\","), "{problem}");

    for (query, pointer) in [("", "/query/sort"), ("sort=size", "/query/sort"), ("sort=name&page=x", "/query/page")] {
        let (status, problem) = send(&served, Method::GET, &format!("/v2/search?{query}"), None, "").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{query}: {problem}");
    }
}

#[tokio::test]
async fn an_unexpected_error_tells_the_world_nothing() {
    let served = Served::start().await;
    let (status, problem) = send(&served, Method::POST, "/v2/work", JSON, "\"fail\"").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(problem["code"], "internal_server_error");
    assert!(!problem.to_string().contains("hunter2"), "{problem}");
    let (status, problem) = send(&served, Method::POST, "/v2/work", JSON, "\"busy\"").await;
    assert_eq!((status, &problem["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("overloaded")));
}
