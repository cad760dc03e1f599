//! Somebody who buys, by the same forms as a browser.

use std::time::Duration;

use harness::eventually_within;
use harness::http::{Client, Request, Response};

use super::Place;

/// How long a shopper goes on trying.
const PATIENCE: Duration = Duration::from_secs(90);

/// What stands for a card.
pub(crate) type Card = &'static str;
/// It is charged.
pub(crate) const APPROVED: Card = "tok_4242";
/// It is refused.
pub(crate) const DECLINED: Card = "tok_0002";
/// It is charged, but the answer gets lost.
pub(crate) const LOST: Card = "tok_0119";

/// Somebody with a cart.
#[derive(Debug, Clone)]
pub(crate) struct Shopper {
    storefront: Client,
    cookie: String,
}

/// A checkout's form as it was shown.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    key: String,
    lines: String,
}

impl Shopper {
    /// A new one, with `quantity` of an article in the cart.
    pub(crate) async fn with(place: &Place, sku: &str, quantity: u32) -> Self {
        let storefront = place.client("storefront");
        let quantity = quantity.to_string();
        let added = patiently("something is in the cart", 303, || {
            storefront.post("/cart").form(&[("sku", sku), ("quantity", &quantity)])
        })
        .await;
        let cookie = added.header("set-cookie").and_then(|cookie| cookie.split(';').next());
        let cookie = cookie.expect("a cookie for a new shopper").to_owned();
        Self { storefront, cookie }
    }

    /// The checkout's form.
    pub(crate) async fn form(&self) -> Form {
        let page =
            patiently("the checkout is shown", 200, || self.request(self.storefront.get("/checkout"))).await.text();
        Form { key: value(&page, "key"), lines: value(&page, "lines") }
    }

    /// Sends the form once.
    pub(crate) fn send(&self, form: &Form, card: Card) -> Request {
        let Form { key, lines } = form;
        self.request(self.storefront.post("/checkout")).form(&[
            ("key", key),
            ("lines", lines),
            ("name", "Ada Lovelace"),
            ("email", "ada@example.org"),
            ("street", "12 St James's Square"),
            ("postcode", "SW1Y 4JH"),
            ("city", "London"),
            ("token", card),
        ])
    }

    /// Places the order, however often it takes; gives its id.
    pub(crate) async fn order(&self, card: Card) -> String {
        let form = self.form().await;
        let placed = patiently("the order is taken", 303, || self.send(&form, card)).await;
        order_id(&placed)
    }

    /// The page of an order.
    pub(crate) async fn page(&self, order_id: &str) -> Response {
        self.request(self.storefront.get(&format!("/orders/{order_id}"))).send().await
    }

    fn request(&self, request: Request) -> Request {
        request.header("cookie", &self.cookie)
    }
}

/// Asks until the answer has that status: services may be dead at the moment.
async fn patiently(what: &str, status: u16, request: impl Fn() -> Request) -> Response {
    eventually_within(PATIENCE, what, async || {
        request().try_send().await.ok().filter(|answer| answer.status() == status)
    })
    .await
}

/// The order to which the answer to a checkout leads.
pub(crate) fn order_id(placed: &Response) -> String {
    let location = placed.header("location").unwrap_or_default();
    let id = location.strip_prefix("/orders/");
    id.unwrap_or_else(|| panic!("not an order but {} {location}: {}", placed.status(), placed.text())).to_owned()
}

/// The value of a field in a form.
fn value(page: &str, name: &str) -> String {
    let field = page.split_once(&format!("name=\"{name}\"")).and_then(|(_, rest)| rest.split_once("value=\""));
    let value = field.and_then(|(_, rest)| rest.split_once('"')).map(|(value, _)| value.to_owned());
    value.unwrap_or_else(|| panic!("no field `{name}` in {page}"))
}
