//! `#[service]`: an impl block that declares routes, subscriptions, jobs, checks and how the service is made.

mod expand;
mod model;
mod parse;
mod validate;

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemImpl;

use crate::diagnostics::Diagnostics;

/// Expands `#[service(arguments)] item`.
pub(crate) fn service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut faults = Diagnostics::default();
    let mut block: ItemImpl = match syn::parse2(item.clone()) {
        Ok(block) => block,
        Err(_) => {
            faults.error(&item, "`#[service]` stands above an `impl` block: `impl Orders { … }`");
            let faults = faults.into_tokens();
            return quote!(#item #faults);
        }
    };
    let model = parse::parse(arguments, &mut block, &mut faults);
    validate::validate(&model, &mut faults);
    if faults.is_empty() {
        return expand::expand(&model, &block);
    }
    // The item stays, and so does the promise that it is a service, so that one mistake does not make a hundred.
    let item = expand::fallback(&model, &block);
    let faults = faults.into_tokens();
    quote!(#item #faults)
}
