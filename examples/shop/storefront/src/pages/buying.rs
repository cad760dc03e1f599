//! Cart and checkout.

use askama::Template;

use super::Frame;

/// One product in a cart or an order.
#[derive(Debug, Clone)]
pub struct Line {
    /// The article number.
    pub sku: String,
    /// What it is called.
    pub name: String,
    /// Where its picture is.
    pub picture: String,
    /// How many.
    pub quantity: i64,
    /// The price of one.
    pub unit: String,
    /// The price of all of them.
    pub total: String,
}

/// The cart.
#[derive(Template)]
#[template(path = "cart.html")]
pub struct CartPage {
    /// What stands around it.
    pub frame: Frame,
    /// What is in it.
    pub lines: Vec<Line>,
    /// What it comes to.
    pub total: String,
}

/// The form that places an order.
#[derive(Template)]
#[template(path = "checkout.html")]
pub struct CheckoutPage {
    /// What stands around it.
    pub frame: Frame,
    /// The key of this checkout: however often it is sent, it is one order.
    pub key: String,
    /// What the shopper sees and accepts, as `sku:quantity:price` joined by commas.
    pub accepted: String,
    /// What has been filled in so far.
    pub form: CheckoutForm,
    /// The cards to choose from.
    pub cards: &'static [TestCard],
    /// What is being bought.
    pub lines: Vec<Line>,
    /// What it comes to.
    pub total: String,
}

/// What the shopper has filled in.
#[derive(Debug, Clone, Default)]
pub struct CheckoutForm {
    /// The recipient.
    pub name: String,
    /// Where to write to.
    pub email: String,
    /// Street and number.
    pub street: String,
    /// Postcode.
    pub postcode: String,
    /// City.
    pub city: String,
    /// The token of the chosen card.
    pub token: String,
}

/// A test card of the payment simulator.
#[derive(Debug, Clone, Copy)]
pub struct TestCard {
    /// What is sent instead of a card number.
    pub token: &'static str,
    /// Its last four digits.
    pub ending: &'static str,
    /// Its colour.
    pub tone: &'static str,
    /// What it does.
    pub behaviour: &'static str,
}

/// The test cards that the simulator knows.
pub const CARDS: &[TestCard] = &[
    TestCard { token: "tok_4242", ending: "4242", tone: "green", behaviour: "Is always approved." },
    TestCard {
        token: "tok_0002",
        ending: "0002",
        tone: "red",
        behaviour: "Is always declined, and your order is undone.",
    },
    TestCard {
        token: "tok_0119",
        ending: "0119",
        tone: "blue",
        behaviour: "Is approved, but the answer gets lost. We ask again and never charge twice.",
    },
];
