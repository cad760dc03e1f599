//! What stands in `#[event(…)]`.

use proc_macro2::{Span, TokenStream};
use syn::{Expr, LitInt, LitStr};

use crate::attrs::{Args, DurationLit};
use crate::diagnostics::Diagnostics;

/// The arguments as they were written.
pub(super) struct Declared {
    pub(super) name: Option<LitStr>,
    pub(super) version: Option<LitInt>,
    pub(super) key: Option<Expr>,
    pub(super) owner: Option<LitStr>,
    pub(super) expires_after: Option<DurationLit>,
}

impl Declared {
    pub(super) fn parse(arguments: TokenStream, faults: &mut Diagnostics) -> Self {
        let mut args = Args::parse("event", Span::call_site(), arguments, faults);
        let before = faults.is_empty();
        let declared = Self {
            name: args.text("name", "order.placed", faults),
            version: args.integer("version", "1", 1..=u64::from(u32::MAX), faults).map(|(_, literal)| literal),
            key: args.expr("key", "order_id", faults),
            owner: args.text("owner", "orders", faults),
            expires_after: args.duration("expires_after", faults),
        };
        args.finish(faults);
        // What is there but wrong has been reported already; only what is not there at all is missing.
        if before && faults.is_empty() && (declared.name.is_none() || declared.version.is_none()) {
            faults.at(
                Span::call_site(),
                "an event has a name and a version: write `#[event(name = \"order.placed\", version = 1)]`",
            );
        }
        declared
    }
}
