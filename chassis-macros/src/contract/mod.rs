//! `#[contract]`: a trait that is served, called, described and doubled.

mod client;
mod double;
mod expand;
mod model;
mod parse;
mod server;
mod validate;

use proc_macro2::TokenStream;
use quote::quote;

use crate::diagnostics::Diagnostics;

/// The trait and everything that comes from it; with faults, the trait alone, in a form that others can still refer to.
pub(crate) fn contract(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut faults = Diagnostics::default();
    let declared = parse::Declared::parse(arguments, &mut faults);
    let Some(mut item) = parse::item(item.clone(), &mut faults) else {
        let errors = faults.into_tokens();
        return quote!(#item #errors);
    };
    let operations = parse::operations(&mut item, &mut faults);
    let contract = validate::validate(declared, &item, operations, &mut faults);
    let expanded = match contract {
        Some(contract) if faults.is_empty() => expand::expand(&item, &contract),
        _ => expand::fallback(&item),
    };
    let errors = faults.into_tokens();
    quote!(#expanded #errors)
}
