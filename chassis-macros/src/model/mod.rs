//! `#[model]`: what travels between services, and is described to others by its schema.

mod expand;
mod parse;

use proc_macro2::TokenStream;

use crate::diagnostics::Diagnostics;

pub(crate) use expand::derives;
pub(crate) use parse::Model;

/// The item with everything that a model derives.
pub(crate) fn model(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut faults = Diagnostics::default();
    let args = crate::attrs::Args::parse("model", proc_macro2::Span::call_site(), arguments, &mut faults);
    args.finish(&mut faults);
    let Some(model) = Model::parse(item.clone(), "model", &mut faults) else {
        let errors = faults.into_tokens();
        return quote::quote!(#item #errors);
    };
    let item = if model.refuse_streams(&mut faults) { expand::expand(&model) } else { quote::quote!(#model) };
    let errors = faults.into_tokens();
    quote::quote!(#item #errors)
}
