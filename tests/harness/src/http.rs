//! A small HTTP client for tests.
//!
//! ```no_run
//! # async fn test() {
//! use harness::http::Client;
//! use serde_json::json;
//!
//! let client = Client::new("http://127.0.0.1:8080");
//! let answer = client.post("/orders").header("idempotency-key", "1").json(&json!({ "cart": 7 })).send().await;
//! assert_eq!(answer.status(), 202, "{}", answer.text());
//! assert_eq!(answer.json()["state"], "placed");
//! # }
//! ```

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request as HttpRequest};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A client of one server. Every request takes a new connection, so that a server that was killed and started again
/// makes no difference.
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
    inner: HyperClient<HttpConnector, Full<Bytes>>,
}

impl Client {
    /// A client of the server at `base`, such as `http://127.0.0.1:8080`.
    pub fn new(base: impl Into<String>) -> Self {
        let inner = HyperClient::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        Self { base: base.into().trim_end_matches('/').to_owned(), inner }
    }

    /// A request that [`send`](Request::send) sends.
    pub fn request(&self, method: Method, path: &str) -> Request {
        Request {
            client: self.clone(),
            method,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            limit: Duration::from_secs(30),
        }
    }

    /// `GET path`.
    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    /// `POST path`.
    pub fn post(&self, path: &str) -> Request {
        self.request(Method::POST, path)
    }

    /// `PUT path`.
    pub fn put(&self, path: &str) -> Request {
        self.request(Method::PUT, path)
    }

    /// `DELETE path`.
    pub fn delete(&self, path: &str) -> Request {
        self.request(Method::DELETE, path)
    }

    /// Waits until `GET path` answers 200, at most 30 seconds.
    pub async fn wait_until_ok(&self, path: &str) -> Response {
        let what = format!("{}{path} answers 200", self.base);
        crate::eventually(&what, async || self.get(path).try_send().await.ok().filter(|answer| answer.status() == 200))
            .await
    }
}

/// A request on its way to be sent.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    client: Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    limit: Duration,
}

impl Request {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap_or_else(|_| panic!("`{name}` is no header name"));
        let value = HeaderValue::from_str(value).unwrap_or_else(|_| panic!("`{value}` is no header value"));
        self.headers.append(name, value);
        self
    }

    /// Sets a JSON body.
    pub fn json(self, body: &impl Serialize) -> Self {
        let text = serde_json::to_vec(body).expect("a body that JSON can hold");
        self.body("application/json", text)
    }

    /// Sets a form as the body, as a page would send it. Names and values are taken as they are.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        self.body("application/x-www-form-urlencoded", pairs.join("&"))
    }

    /// Sets the body as it is.
    pub fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = body.into();
        self
    }

    /// Gives up after `limit` instead of 30 seconds.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Sends it; panics when there is no answer.
    pub async fn send(self) -> Response {
        self.try_send().await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Sends it, or says why there is no answer.
    pub async fn try_send(self) -> Result<Response, String> {
        let what = format!("{} {}{}", self.method, self.client.base, self.path);
        let mut request = HttpRequest::builder()
            .method(self.method)
            .uri(format!("{}{}", self.client.base, self.path))
            .body(Full::new(self.body))
            .map_err(|error| format!("{what}: {error}"))?;
        *request.headers_mut() = self.headers;
        let answer = async {
            let answer = self.client.inner.request(request).await.map_err(|error| chain(&error))?;
            let (head, body) = answer.into_parts();
            let body = body.collect().await.map_err(|error| chain(&error))?.to_bytes();
            Ok(Response { status: head.status.as_u16(), headers: head.headers, body })
        };
        match tokio::time::timeout(self.limit, answer).await {
            Ok(result) => result.map_err(|error: String| format!("{what}: {error}")),
            Err(_) => Err(format!("{what}: no answer in {:?}", self.limit)),
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// An answer with its whole body.
#[derive(Debug, Clone)]
pub struct Response {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Response {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// A header's first value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body as it is.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; panics with the body when it is none.
    pub fn json(&self) -> Value {
        self.read()
    }

    /// The body as a value of a type.
    pub fn read<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("not the JSON that was asked for ({error}): {} {}", self.status, self.text())
        })
    }

    /// Panics with status and body unless the status is `status`.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "the answer was: {}", self.text());
        self
    }
}
