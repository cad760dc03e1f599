//! The derives of a model.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use super::Model;

/// The item with its derives.
pub(super) fn expand(model: &Model) -> TokenStream {
    let derives = derives(model, &["Debug", "Clone", "Serialize", "Deserialize", "JsonSchema"]);
    quote!(#derives #model)
}

/// `#[derive(…)]` for those of `names` that the user does not derive already, by way of the library's own dependencies.
pub(crate) fn derives(model: &Model, names: &[&str]) -> TokenStream {
    let paths = names.iter().filter(|name| !model.derives(name)).map(|name| match *name {
        "Serialize" => quote!(::chassis::private::serde::Serialize),
        "Deserialize" => quote!(::chassis::private::serde::Deserialize),
        "JsonSchema" => quote!(::chassis::private::schemars::JsonSchema),
        other => {
            let ident = quote::format_ident!("{other}");
            quote!(::core::prelude::v1::#ident)
        }
    });
    quote! {
        #[derive(#(#paths),*)]
        #[serde(crate = "::chassis::private::serde")]
        #[schemars(crate = "::chassis::private::schemars")]
    }
}

impl ToTokens for Model {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Struct(item) => item.to_tokens(tokens),
            Self::Enum(item) => item.to_tokens(tokens),
        }
    }
}
