//! What stands in `#[settings(…)]`.

use proc_macro2::{Span, TokenStream};
use syn::{Expr, LitStr};

use crate::attrs::Args;
use crate::diagnostics::Diagnostics;

/// The macro's arguments.
pub(super) struct Declared {
    pub(super) section: Option<LitStr>,
    /// A function that checks rules across fields.
    pub(super) validate: Option<Expr>,
}

impl Declared {
    pub(super) fn parse(arguments: TokenStream, faults: &mut Diagnostics) -> Self {
        let mut args = Args::parse("settings", Span::call_site(), arguments, faults);
        let section = args.text("section", "inventory", faults);
        let validate = args.expr("validate", "Self::rules", faults);
        args.finish(faults);
        match &section {
            None if faults.is_empty() => faults.at(
                Span::call_site(),
                "settings say where they stand: write `#[settings(section = \"inventory\")]` for `[inventory]`",
            ),
            Some(literal) if !is_path(&literal.value()) => faults.error(
                literal,
                format!("`{}` is no section: write words of `a-z`, `0-9` and `_`, joined by dots", literal.value()),
            ),
            _ => {}
        }
        Self { section, validate }
    }
}

fn is_path(text: &str) -> bool {
    text.split('.')
        .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'))
}
