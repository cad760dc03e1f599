//! One order, live, and all of them.

use askama::Template;

use super::{Frame, Line};

/// The page of one order.
#[derive(Template)]
#[template(path = "order.html")]
pub struct OrderPage {
    /// What stands around it.
    pub frame: Frame,
    /// The order.
    pub order: OrderView,
}

/// The part of the order's page that changes while one watches.
#[derive(Template)]
#[template(path = "order_status.html")]
pub struct OrderStatus {
    /// The order.
    pub order: OrderView,
}

/// An order as its shopper sees it.
#[derive(Debug, Clone)]
pub struct OrderView {
    /// The id, as it stands in the address.
    pub id: String,
    /// A number to read out on the telephone.
    pub number: String,
    /// The state's name, stable for style sheets and tests.
    pub state: &'static str,
    /// Whether nothing will change any more.
    pub ended: bool,
    /// The page's heading.
    pub greeting: &'static str,
    /// Where it stands, in a few words.
    pub headline: String,
    /// And in a sentence.
    pub explanation: String,
    /// The way it has gone, and has still to go.
    pub steps: Vec<Step>,
    /// What was ordered.
    pub lines: Vec<Line>,
    /// What it comes to.
    pub total: String,
    /// Where it goes.
    pub address: Vec<String>,
}

impl OrderView {
    /// `good` or `bad` at the end, `open` until then.
    pub fn tone(&self) -> &'static str {
        match (self.ended, self.state) {
            (true, "confirmed") => "good",
            (true, _) => "bad",
            (false, _) => "open",
        }
    }
}

/// One step of an order.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its name for style sheets and tests.
    pub name: &'static str,
    /// What is shown.
    pub title: &'static str,
    /// When it happened, or what is awaited.
    pub note: String,
    /// `done`, `now`, `ahead` or `failed`.
    pub tone: &'static str,
}

/// All orders of a shopper.
#[derive(Template)]
#[template(path = "orders.html")]
pub struct OrdersPage {
    /// What stands around it.
    pub frame: Frame,
    /// The newest first.
    pub orders: Vec<OrderRow>,
}

/// An order in the list.
#[derive(Debug, Clone)]
pub struct OrderRow {
    /// The id, as it stands in the address.
    pub id: String,
    /// A number to read out on the telephone.
    pub number: String,
    /// The state's name, stable for style sheets and tests.
    pub state: String,
    /// `good`, `bad` or `open`.
    pub tone: &'static str,
    /// The state as it is shown.
    pub label: &'static str,
    /// When it was placed.
    pub placed: String,
    /// What it comes to.
    pub total: String,
}
