//! Streams in a service's own routes.

use chassis::prelude::*;
use chassis::testing::TestApp;
use harness::http::Client;
use http::header::CONTENT_TYPE;

use crate::vault::drained;

pub struct Copier;

#[service(name = "copier")]
impl Copier {
    #[post("/copies", body_limit = "1 MiB")]
    async fn copy(&self, file: ByteStream) -> ByteStream {
        file
    }

    #[post("/lengths/{name}", body_limit = "100 B")]
    async fn length(&self, Path(_): Path<String>, file: ByteStream) -> Result<String> {
        Ok(drained(file).await?.to_string())
    }

    #[get("/table")]
    async fn table(&self) -> Result<impl IntoResponse> {
        Ok(([(CONTENT_TYPE, "text/csv")], ByteStream::from("a,b\n")))
    }
}

#[tokio::test]
async fn they_are_taken_and_answered() {
    let app = TestApp::new().service(Copier).start().await.unwrap();
    let client = Client::new(app.url("copier"));
    let copy = client.post("/copies").body("text/plain", "seven").send().await;
    assert_eq!((copy.status(), &*copy.text()), (200, "seven"));
    assert_eq!(copy.header("content-type"), Some("application/octet-stream"));
    assert_eq!(client.get("/table").send().await.header("content-type"), Some("text/csv"));
    assert_eq!(client.post("/lengths/x").body("text/plain", "seven").send().await.text(), "5");
    let refused = client.post("/lengths/x").body("text/plain", "x".repeat(101)).send().await;
    assert_eq!((refused.status(), refused.json()["code"].as_str()), (413, Some("body_too_large")));
}
