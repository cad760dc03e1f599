//! A page that is really shown, filled in and clicked.

use std::convert::Infallible;

use harness::browser::Browser;
use harness::guard::Folder;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{Response, header};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

const PAGE: &str = r#"<!doctype html><title>Shop</title><link rel="icon" href="data:,">
<h1>Shop</h1>
<input name="quantity" value="1">
<button id="buy" hidden onclick="setTimeout(() => state.textContent = 'bought ' + document.querySelector('input').value, 100)">Buy</button>
<p id="state"></p> <a href="/orders?id=7">Tom's orders</a> <ul><li>one<li>two</ul>
<script>setTimeout(() => buy.hidden = false, 200)</script>"#;

async fn site() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let page = service_fn(async |_| {
                let mut page = Response::new(Full::new(Bytes::from_static(PAGE.as_bytes())));
                page.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/html"));
                Ok::<_, Infallible>(page)
            });
            let server = auto::Builder::new(TokioExecutor::new());
            tokio::spawn(async move { server.serve_connection(TokioIo::new(stream), page).await.is_ok() });
        }
    });
    address
}

#[tokio::test]
async fn a_page_is_read_filled_in_and_clicked() {
    let browser = Browser::start().await;
    browser.open(&site().await).await;
    assert_eq!(browser.title().await, "Shop");
    assert_eq!(browser.text("h1").await, "Shop");
    assert_eq!(browser.texts("li").await, ["one", "two"]);
    assert_eq!(browser.count("li").await, 2);
    assert_eq!(browser.attribute("input", "name").await.as_deref(), Some("quantity"));

    browser.fill("input[name=quantity]", "3").await;
    browser.click("#buy").await;
    browser.wait_for_text("#state", "bought 3").await;

    browser.click_text("Tom's orders").await;
    assert!(browser.wait_for_url("/orders").await.ends_with("?id=7"));
    assert_eq!(browser.run("return 6 * arguments[0]", serde_json::json!([7])).await, 42);
    assert_eq!(browser.errors().await, [] as [String; 0]);
    browser.run("setTimeout(() => { throw Error('broken') })", serde_json::json!([])).await;
    let errors =
        harness::eventually("an error", async || Some(browser.errors().await).filter(|all| !all.is_empty())).await;
    assert!(errors[0].contains("broken"), "{errors:?}");

    let folder = Folder::new("screenshot");
    browser.resize(800, 600).await;
    browser.screenshot(folder.join("page.png")).await;
    let picture = std::fs::read(folder.join("page.png")).expect("a picture");
    assert_eq!(&picture[..8], b"\x89PNG\r\n\x1a\n");
}
