//! Streams in the documents of a service.

use chassis::testing::TestApp;
use harness::http::Client;
use serde_json::{Value, json};

use crate::routes::Copier;
use crate::vault::VaultService;

async fn document(app: TestApp, name: &str) -> Value {
    let app = app.settings("[management]\ntoken = 'open'\n").start().await.unwrap();
    let request = Client::new(app.management_url()).get(&format!("/admin/openapi/{name}.json"));
    request.header("authorization", "Bearer open").send().await.expect(200).json()
}

#[tokio::test]
async fn they_are_bytes_of_a_media_type() {
    let document = document(TestApp::new().service(VaultService(Default::default())), "vault").await;
    let bytes = json!({ "schema": { "type": "string", "format": "binary" } });
    let operation = |method: &str, path: &str| document["paths"][path][method].clone();

    let fetch = operation("get", "/v1/files/{name}");
    assert_eq!(fetch["responses"]["200"]["content"], json!({ "application/octet-stream": bytes }));
    assert_eq!(operation("get", "/v1/report")["responses"]["200"]["content"], json!({ "text/csv": bytes }));
    let store = operation("put", "/v1/files/{name}");
    assert_eq!(store["requestBody"]["content"], json!({ "application/octet-stream": bytes }));
    assert!(store["responses"]["200"]["content"]["application/json"].is_object());
    let capitals = operation("post", "/v1/capitals");
    assert_eq!(capitals["requestBody"]["content"], json!({ "text/plain": bytes }));
    assert_eq!(capitals["responses"]["200"]["content"], json!({ "text/plain": bytes }));
}

#[tokio::test]
async fn those_of_own_routes_too() {
    let document = document(TestApp::new().service(Copier), "copier").await;
    let bytes = json!({ "application/octet-stream": { "schema": { "type": "string", "format": "binary" } } });
    let copy = &document["paths"]["/copies"]["post"];
    assert_eq!((&copy["requestBody"]["content"], &copy["responses"]["200"]["content"]), (&bytes, &bytes));
    assert_eq!(document["paths"]["/lengths/{name}"]["post"]["requestBody"]["content"], bytes);
}
