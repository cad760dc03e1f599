//! The `Event` implementation.

use proc_macro2::TokenStream;
use quote::quote;

use super::validate::Event;
use crate::model::{Model, derives};

pub(super) fn expand(model: &Model, event: Option<&Event>) -> TokenStream {
    let derives = derives(model, &["Debug", "Clone", "Serialize", "Deserialize", "JsonSchema"]);
    let implementation = event.map(|event| implement(model, event));
    quote!(#derives #model #implementation)
}

fn implement(model: &Model, event: &Event) -> TokenStream {
    let (ident, generics) = match model {
        Model::Struct(item) => (&item.ident, &item.generics),
        Model::Enum(item) => (&item.ident, &item.generics),
    };
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let Event { name, version, owner, kind, key, expires_after } = event;
    let key = key.as_ref().map(|key| {
        quote! {
            fn key(&self) -> ::core::option::Option<::std::string::String> {
                ::chassis::private::key_text(&self.#key)
            }
        }
    });
    let expiry = expires_after.as_ref().map(|time| {
        quote! {
            const EXPIRES_AFTER: ::core::option::Option<::core::time::Duration> = ::core::option::Option::Some(#time);
        }
    });
    quote! {
        impl #impl_generics ::chassis::private::Event for #ident #type_generics #where_clause {
            const NAME: &'static str = #name;
            const VERSION: u32 = #version;
            const OWNER: &'static str = #owner;
            const KIND: &'static str = #kind;
            #expiry
            #key
        }
    }
}
