//! What stands around every page.

/// The header's and footer's part of a page.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// The categories to choose from; empty while the catalog cannot be asked.
    pub categories: Vec<Link>,
    /// The slug of the category that the page belongs to, or nothing.
    pub category: String,
    /// What stands in the search field.
    pub query: String,
    /// How many things are in the cart.
    pub cart_count: i64,
    /// Something to tell the shopper.
    pub notice: Option<Notice>,
    /// Changes with the style sheet and the script, so that a browser may keep them for long.
    pub assets: &'static str,
}

/// A category in the navigation.
#[derive(Debug, Clone)]
pub struct Link {
    /// As it stands in the address.
    pub slug: String,
    /// As it is shown.
    pub name: String,
}

/// Something to tell the shopper, above the page.
#[derive(Debug, Clone)]
pub struct Notice {
    /// `good` or `bad`.
    pub tone: &'static str,
    /// The stable code behind the sentence.
    pub code: String,
    /// The sentence.
    pub text: String,
}

impl Notice {
    /// Something went well.
    pub fn good(code: &str, text: impl Into<String>) -> Self {
        Self { tone: "good", code: code.to_owned(), text: text.into() }
    }

    /// Something did not.
    pub fn bad(code: &str, text: impl Into<String>) -> Self {
        Self { tone: "bad", code: code.to_owned(), text: text.into() }
    }
}
