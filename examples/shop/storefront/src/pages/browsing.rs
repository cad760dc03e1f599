//! Home, category, search and product.

use std::fmt;

use askama::Template;

use super::{Frame, Link};

/// A product in a grid, or by itself.
#[derive(Debug, Clone)]
pub struct Card {
    /// The article number.
    pub sku: String,
    /// What it is called.
    pub name: String,
    /// One sentence about it.
    pub blurb: String,
    /// Two or three more.
    pub description: String,
    /// Size, material and the like.
    pub facts: Vec<String>,
    /// `new` or `loved`, if it is either.
    pub label: Option<String>,
    /// The price, as it is shown.
    pub price: String,
    /// Where its picture is.
    pub picture: String,
}

/// The first page.
#[derive(Template)]
#[template(path = "home.html")]
pub struct HomePage {
    /// What stands around it.
    pub frame: Frame,
    /// The products of the opening picture; the first one is the largest.
    pub heroes: Vec<Card>,
    /// A tile for each category.
    pub tiles: Vec<Tile>,
    /// What sells best.
    pub loved: Vec<Card>,
    /// What is new.
    pub fresh: Vec<Card>,
}

/// A category on the first page.
#[derive(Debug, Clone)]
pub struct Tile {
    /// As it stands in the address.
    pub slug: String,
    /// As it is shown.
    pub name: String,
    /// One sentence about it.
    pub blurb: String,
    /// Where the picture of one of its products is.
    pub picture: String,
}

/// A category, or what a search has found.
#[derive(Template)]
#[template(path = "listing.html")]
pub struct ListingPage {
    /// What stands around it.
    pub frame: Frame,
    /// The heading.
    pub title: String,
    /// The sentence below it.
    pub blurb: String,
    /// Whether it answers a search.
    pub search: bool,
    /// The orders in which it can be sorted.
    pub sorts: Vec<Sort>,
    /// What there is.
    pub products: Vec<Card>,
}

/// One order in which products can be sorted.
#[derive(Debug, Clone)]
pub struct Sort {
    /// As it stands in the address.
    pub value: &'static str,
    /// As it is shown.
    pub name: &'static str,
    /// Whether it is the one in use.
    pub chosen: bool,
}

/// One product.
#[derive(Template)]
#[template(path = "product.html")]
pub struct ProductPage {
    /// What stands around it.
    pub frame: Frame,
    /// Where it belongs.
    pub category: Link,
    /// The product.
    pub product: Card,
    /// How many there are.
    pub stock: Stock,
    /// Others like it.
    pub related: Vec<Card>,
}

/// How many of a product there are, as a shopper is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stock {
    /// More than anybody will order at once.
    Plenty,
    /// So few that it is worth saying.
    Few(i64),
    /// None.
    SoldOut,
    /// The inventory cannot be asked; the order will tell.
    Unknown,
}

impl Stock {
    /// What so many units mean for a shopper.
    pub fn of(available: i64) -> Self {
        match available {
            ..=0 => Self::SoldOut,
            1..=5 => Self::Few(available),
            _ => Self::Plenty,
        }
    }

    /// Whether there is certainly nothing to buy.
    pub fn sold_out(&self) -> bool {
        *self == Self::SoldOut
    }

    /// The name under which style sheet and tests know it.
    pub fn tone(&self) -> &'static str {
        match self {
            Self::Plenty => "plenty",
            Self::Few(_) => "few",
            Self::SoldOut => "none",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Stock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plenty => f.write_str("In stock, ready to send"),
            Self::Few(n) => write!(f, "Only {n} left"),
            Self::SoldOut => f.write_str("Sold out for the moment"),
            Self::Unknown => f.write_str("We will check the stock when you order"),
        }
    }
}
