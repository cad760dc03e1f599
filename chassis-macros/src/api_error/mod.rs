//! `#[derive(ApiError)]`: an enum of errors that arrives at the caller as the same enum.

mod expand;
mod model;
mod parse;
mod validate;

use proc_macro2::TokenStream;

use crate::diagnostics::Diagnostics;

/// The implementations for the enum; next to the faults, stand-ins, so that one mistake is not followed by ten.
pub(crate) fn api_error(item: TokenStream) -> TokenStream {
    let mut faults = Diagnostics::default();
    let parsed = match syn::parse2::<syn::DeriveInput>(item) {
        Ok(parsed) => parsed,
        Err(error) => return error.into_compile_error(),
    };
    let checked = parse::parse(&parsed, &mut faults).and_then(|errors| validate::validate(errors, &mut faults));
    let expanded = match checked {
        Some(errors) if faults.is_empty() => expand::expand(&errors),
        _ => expand::fallback(&parsed.ident),
    };
    let errors = faults.into_tokens();
    quote::quote!(#expanded #errors)
}
