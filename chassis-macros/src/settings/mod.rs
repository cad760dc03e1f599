//! `#[settings]`: a section of the configuration as a type, and a part that `#[init]` can be given.

mod expand;
mod model;
mod parse;

use proc_macro2::TokenStream;
use quote::quote;

use crate::diagnostics::Diagnostics;

/// The item with its derives, its defaults and its `Settings` implementation.
pub(crate) fn settings(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut faults = Diagnostics::default();
    let declared = parse::Declared::parse(arguments, &mut faults);
    let Some(section) = model::Section::parse(item.clone(), &mut faults) else {
        let errors = faults.into_tokens();
        return quote!(#item #errors);
    };
    let item = expand::expand(&section, &declared);
    let errors = faults.into_tokens();
    quote!(#item #errors)
}
