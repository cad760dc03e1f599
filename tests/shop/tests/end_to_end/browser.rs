//! A person orders something.

use std::path::PathBuf;

use harness::browser::Browser;
use serde_json::json;

use crate::support::{Mode, Place};

#[tokio::test]
async fn embedded() {
    a_person_orders(Mode::Embedded).await;
}

#[tokio::test]
async fn distributed() {
    a_person_orders(Mode::Distributed).await;
}

/// Where pictures are wanted, if they are: `SHOP_SCREENSHOTS=docs/images`.
async fn screenshot(browser: &Browser, name: &str) {
    let Some(folder) = std::env::var_os("SHOP_SCREENSHOTS").map(PathBuf::from) else { return };
    std::fs::create_dir_all(&folder).expect("the folder for screenshots");
    browser.screenshot(folder.join(format!("{name}.png"))).await;
}

async fn a_person_orders(mode: Mode) {
    let place = Place::new(mode).await;
    let running = place.start(place.shop()).await;
    let browser = Browser::start().await;
    browser.resize(1200, 900).await;

    browser.open(&place.address()).await;
    browser.wait_for_text("h1", "Good things").await;
    screenshot(&browser, "shop-home").await;
    browser.click("article.card[data-sku] a").await;
    browser.wait_for_url("/p/").await;
    browser.wait_for_text("#stock", "stock").await;
    let name = browser.text("#product-name").await;
    screenshot(&browser, "shop-product").await;

    browser.click("button[data-step='1']").await;
    browser.click("#add-to-cart").await;
    browser.wait_for_url("/cart").await;
    assert_eq!(browser.attribute("#cart-lines li", "data-quantity").await.as_deref(), Some("2"));
    browser.wait_for_text("#cart-lines", &name).await;
    assert_eq!(browser.text("#cart-count").await, "2");
    browser.click("#to-checkout").await;
    browser.wait_for_url("/checkout").await;
    for (field, text) in [
        ("#name", "Ada Lovelace"),
        ("#email", "ada@example.org"),
        ("#street", "12 St James's Square"),
        ("#postcode", "SW1Y 4JH"),
        ("#city", "London"),
    ] {
        browser.fill(field, text).await;
    }
    // The card whose answer gets lost, so that the order takes a while and the page is open before it has ended.
    browser.click("label:has(#card-0119)").await;
    browser.click("#place-order").await;
    browser.wait_for_url("/orders/").await;
    browser.run("window.sameVisit = true", json!([])).await;
    browser.wait_for("#order-state[data-state=reserved]").await;
    screenshot(&browser, "shop-order-live").await;
    browser.wait_for_text("#order-headline", "confirmed").await;
    browser.wait_for("#order-state[data-state=confirmed][data-ended]").await;
    assert_eq!(browser.run("return window.sameVisit", json!([])).await, true, "the page was not loaded again");
    screenshot(&browser, "shop-order").await;
    assert_eq!(browser.count(".steps .done").await, browser.count(".steps li").await);
    browser.click("#orders-link").await;
    browser.wait_for("li[data-order-id][data-state=confirmed]").await;
    assert_eq!(browser.attribute("#cart-count", "data-count").await.as_deref(), Some("0"));
    assert_eq!(browser.errors().await, [] as [String; 0]);

    let report = place.settle(1).await;
    assert_eq!(report.facts.orders[0].lines[0].quantity, 2);
    running.end().await;
    place.clear().await;
}
