//! The `Settings` and `Part` implementations.

use proc_macro2::TokenStream;
use quote::quote;

use super::model::{Default, Section};
use super::parse::Declared;
use crate::model::{Model, derives};

pub(super) fn expand(section: &Section, declared: &Declared) -> TokenStream {
    let model = &section.model;
    let derives = derives(model, &["Debug", "Clone", "Deserialize", "JsonSchema"]);
    let Model::Struct(item) = model else { return quote!(#model) };
    let ident = &item.ident;
    let defaults = section.defaults.iter().map(|Default { function, ty, value }| {
        quote! {
            #[doc(hidden)]
            fn #function() -> #ty {
                #value
            }
        }
    });
    let validate = declared.validate.as_ref().map(|function| {
        quote! {
            fn validate(&self, faults: &mut ::chassis::private::Faults) {
                (#function)(self, faults)
            }
        }
    });
    let implementation = declared.section.as_ref().map(|path| {
        quote! {
            #[automatically_derived]
            impl ::chassis::private::Settings for #ident {
                const SECTION: &'static str = #path;
                #validate
            }

            #[automatically_derived]
            impl ::chassis::private::Part for #ident {
                fn provide(
                    parts: &::chassis::private::Parts,
                ) -> ::chassis::private::BoxFuture<'_, ::chassis::private::Result<Self>> {
                    ::chassis::private::provide_settings(parts)
                }

                fn needs(needs: &mut ::chassis::private::Needs) {
                    ::chassis::private::need_settings::<Self>(needs);
                }
            }
        }
    });
    quote! {
        #derives
        #model

        impl #ident {
            #(#defaults)*
        }

        #implementation
    }
}
