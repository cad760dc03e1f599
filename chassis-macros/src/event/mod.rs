//! `#[event]`: a model that services publish and subscribe to.

mod expand;
mod parse;
mod validate;

use proc_macro2::TokenStream;
use quote::quote;

use crate::diagnostics::Diagnostics;
use crate::model::Model;

/// The item as a model, and its `Event` implementation.
pub(crate) fn event(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut faults = Diagnostics::default();
    let declared = parse::Declared::parse(arguments, &mut faults);
    let Some(model) = Model::parse(item.clone(), "event", &mut faults) else {
        let errors = faults.into_tokens();
        return quote!(#item #errors);
    };
    let event = validate::validate(declared, &model, &mut faults);
    let item = if model.refuse_streams(&mut faults) { expand::expand(&model, event.as_ref()) } else { quote!(#model) };
    let errors = faults.into_tokens();
    quote!(#item #errors)
}
