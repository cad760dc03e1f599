//! The enum as it was written.

use proc_macro2::Span;
use syn::{Data, DeriveInput, Fields, Ident, LitStr, Type, Variant};

use crate::attrs::{Args, summary};
use crate::diagnostics::Diagnostics;

/// The enum.
pub(super) struct Parsed {
    pub(super) ident: Ident,
    pub(super) variants: Vec<ParsedVariant>,
}

/// One of its variants with what `#[api(…)]` says about it.
pub(super) struct ParsedVariant {
    pub(super) ident: Ident,
    pub(super) fields: Fields,
    pub(super) title: String,
    pub(super) attribute: Option<Api>,
}

/// `#[api(…)]`.
pub(super) struct Api {
    pub(super) span: Span,
    pub(super) status: Option<(u16, Span)>,
    pub(super) code: Option<LitStr>,
    pub(super) message: Option<LitStr>,
    pub(super) unexpected: Option<Span>,
    pub(super) from: Vec<Type>,
    /// Whether something in it was wrong, and has been reported.
    pub(super) faulty: bool,
}

pub(super) fn parse(input: &DeriveInput, faults: &mut Diagnostics) -> Option<Parsed> {
    let Data::Enum(data) = &input.data else {
        faults.error(&input.ident, "`#[derive(ApiError)]` belongs on an enum with one variant for each error");
        return None;
    };
    if !input.generics.params.is_empty() {
        faults.error(&input.generics, "an error of a contract has no parameters: both sides must know its exact form");
    }
    let variants = data.variants.iter().map(|variant| parse_variant(variant, faults)).collect();
    Some(Parsed { ident: input.ident.clone(), variants })
}

fn parse_variant(variant: &Variant, faults: &mut Diagnostics) -> ParsedVariant {
    let mut attribute = None;
    for api in variant.attrs.iter().filter(|attribute| attribute.path().is_ident("api")) {
        if attribute.is_some() {
            faults.error(api, "one `#[api(…)]` says it all: put its arguments together");
            continue;
        }
        let mut found = Diagnostics::default();
        let mut args = Args::of(api, &mut found);
        let mut parsed = Api {
            span: args.span,
            status: args.integer("status", "409", 400..=599, &mut found).map(|(value, at)| (value as u16, at.span())),
            code: args.text("code", "out_of_stock", &mut found),
            message: args.text("message", "only {available} left", &mut found),
            unexpected: args.flag("unexpected", &mut found),
            from: args.list("from", "sqlx::Error, OtherError", &mut found),
            faulty: false,
        };
        args.finish(&mut found);
        parsed.faulty = !found.is_empty();
        faults.append(found);
        attribute = Some(parsed);
    }
    ParsedVariant {
        ident: variant.ident.clone(),
        fields: variant.fields.clone(),
        title: summary(&variant.attrs).trim_end_matches('.').to_owned(),
        attribute,
    }
}
