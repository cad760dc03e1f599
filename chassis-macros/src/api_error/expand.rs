//! The implementations for an error enum. One hidden struct per variant with fields is what serde and schemars see.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, LitStr};

use super::model::{Data, Errors, Unexpected, Variant};

/// All implementations.
pub(super) fn expand(errors: &Errors) -> TokenStream {
    let Errors { ident, variants, unexpected: Unexpected { ident: unexpected, ty, .. } } = errors;
    let bodies = variants.iter().map(body);
    let labels = variants.iter().map(label);
    let data = variants.iter().map(into_data);
    let decodes = variants.iter().map(decode);
    let specs = variants.iter().map(spec);
    let conversions = conversions(errors);
    let error_type = quote_spanned!(ty.span()=> ::chassis::private::same_error::<#ty>());
    quote! {
        const _: () = {
            #(#bodies)*

            fn __check() {
                #error_type
            }

            #[automatically_derived]
            impl ::chassis::private::ApiError for #ident {
                #[allow(unused_variables)]
                fn label(&self) -> ::core::option::Option<::chassis::private::ErrorLabel> {
                    match self {
                        #(#labels,)*
                        Self::#unexpected(_) => ::core::option::Option::None,
                    }
                }

                fn into_data(self) -> ::chassis::private::Result<::core::option::Option<::chassis::private::Json>> {
                    match self {
                        #(#data,)*
                        Self::#unexpected(error) => ::core::result::Result::Err(error),
                    }
                }

                #[allow(unreachable_patterns)]
                fn into_unexpected(self) -> ::core::result::Result<::chassis::private::Error, Self> {
                    match self {
                        Self::#unexpected(error) => ::core::result::Result::Ok(error),
                        promised => ::core::result::Result::Err(promised),
                    }
                }

                fn decode(
                    code: &str,
                    data: ::chassis::private::ErrorData,
                ) -> ::chassis::private::Result<::core::option::Option<Self>> {
                    match code {
                        #(#decodes,)*
                        _ => ::core::result::Result::Ok(::core::option::Option::None),
                    }
                }

                fn unexpected(error: ::chassis::private::Error) -> Self {
                    Self::#unexpected(error)
                }

                fn describe(
                    generator: &mut ::chassis::private::schemars::SchemaGenerator,
                ) -> ::std::vec::Vec<::chassis::private::ErrorSpec> {
                    ::std::vec![#(#specs),*]
                }
            }

            #conversions
        };
    }
}

/// What stands in for the implementations of an enum that has faults.
pub(super) fn fallback(ident: &Ident) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl ::chassis::private::ApiError for #ident {
            fn label(&self) -> ::core::option::Option<::chassis::private::ErrorLabel> {
                ::core::unreachable!()
            }

            fn into_data(self) -> ::chassis::private::Result<::core::option::Option<::chassis::private::Json>> {
                ::core::unreachable!()
            }

            fn into_unexpected(self) -> ::core::result::Result<::chassis::private::Error, Self> {
                ::core::unreachable!()
            }

            fn decode(
                _: &str,
                _: ::chassis::private::ErrorData,
            ) -> ::chassis::private::Result<::core::option::Option<Self>> {
                ::core::unreachable!()
            }

            fn unexpected(_: ::chassis::private::Error) -> Self {
                ::core::unreachable!()
            }

            fn describe(
                _: &mut ::chassis::private::schemars::SchemaGenerator,
            ) -> ::std::vec::Vec<::chassis::private::ErrorSpec> {
                ::core::unreachable!()
            }
        }

        #[automatically_derived]
        impl<E: ::chassis::private::IntoError> ::core::convert::From<E> for #ident {
            fn from(_: E) -> Self {
                ::core::unreachable!()
            }
        }
    }
}

fn body_name(variant: &Variant) -> Ident {
    format_ident!("__{}", variant.ident)
}

/// The struct that a variant's fields are written as.
fn body(variant: &Variant) -> Option<TokenStream> {
    let Data::Fields(fields) = &variant.data else { return None };
    let name = body_name(variant);
    let title = &variant.code;
    let fields = fields.iter().map(|field| {
        let super::model::Field { ident, ty, attributes } = field;
        quote!(#(#attributes)* #ident: #ty)
    });
    Some(quote! {
        #[derive(
            ::chassis::private::serde::Serialize,
            ::chassis::private::serde::Deserialize,
            ::chassis::private::schemars::JsonSchema,
        )]
        #[serde(crate = "::chassis::private::serde", rename = #title)]
        #[schemars(crate = "::chassis::private::schemars", inline)]
        struct #name {
            #(#fields),*
        }
    })
}

fn label(variant: &Variant) -> TokenStream {
    let Variant { ident, status, code, title, message, data } = variant;
    let pattern = match (message, data) {
        (None, _) => quote!({ .. }),
        (Some(_), Data::Nothing) => quote!({}),
        (Some(_), Data::Value(_)) => quote!((__value)),
        (Some(_), Data::Fields(fields)) => {
            let names = fields.iter().map(|field| &field.ident);
            quote!({ #(#names),* })
        }
    };
    let detail = detail(variant);
    quote! {
        Self::#ident #pattern => ::core::option::Option::Some(::chassis::private::ErrorLabel {
            status: #status,
            code: #code,
            title: #title,
            detail: #detail,
        })
    }
}

fn into_data(variant: &Variant) -> TokenStream {
    let ident = &variant.ident;
    match &variant.data {
        Data::Nothing => quote!(Self::#ident {} => ::core::result::Result::Ok(::core::option::Option::None)),
        Data::Value(_) => quote!(Self::#ident(__value) => ::chassis::private::error_data(&__value)),
        Data::Fields(fields) => {
            let name = body_name(variant);
            let names: Vec<&Ident> = fields.iter().map(|field| &field.ident).collect();
            quote!(Self::#ident { #(#names),* } => ::chassis::private::error_data(&#name { #(#names),* }))
        }
    }
}

fn detail(variant: &Variant) -> TokenStream {
    let Some(message) = &variant.message else { return quote!(::core::option::Option::None) };
    let argument = match &variant.data {
        Data::Value(_) if mentions_position(message) => quote!(, __value),
        _ => quote!(),
    };
    quote!(::core::option::Option::Some(::std::format!(#message #argument)))
}

/// Whether the text has a place for an argument without a name, such as `{}` or `{0}`.
fn mentions_position(message: &LitStr) -> bool {
    let text = message.value().replace("{{", "");
    text.match_indices('{')
        .any(|(at, _)| text[at + 1..].starts_with(|next: char| next == '}' || next == ':' || next.is_ascii_digit()))
}

fn decode(variant: &Variant) -> TokenStream {
    let Variant { ident, code, .. } = variant;
    match &variant.data {
        Data::Nothing => quote!(#code => ::core::result::Result::Ok(::core::option::Option::Some(Self::#ident {}))),
        Data::Value(_) => {
            quote!(#code => data.read().map(|value| ::core::option::Option::Some(Self::#ident(value))))
        }
        Data::Fields(fields) => {
            let name = body_name(variant);
            let names: Vec<&Ident> = fields.iter().map(|field| &field.ident).collect();
            quote! {
                #code => data.read().map(|#name { #(#names),* }| {
                    ::core::option::Option::Some(Self::#ident { #(#names),* })
                })
            }
        }
    }
}

fn spec(variant: &Variant) -> TokenStream {
    let Variant { status, code, title, .. } = variant;
    let data = match &variant.data {
        Data::Nothing => quote!(::core::option::Option::None),
        Data::Value(ty) => quote!(::core::option::Option::Some(generator.subschema_for::<#ty>())),
        Data::Fields(_) => {
            let name = body_name(variant);
            quote!(::core::option::Option::Some(generator.subschema_for::<#name>()))
        }
    };
    quote!(::chassis::private::ErrorSpec { status: #status, code: #code, title: #title, data: #data })
}

/// From other errors into the unexpected variant, and from the enum into the library's error.
fn conversions(errors: &Errors) -> TokenStream {
    let ident = &errors.ident;
    let into_ours = if errors.unexpected.from.is_empty() {
        quote! {
            #[automatically_derived]
            impl<E: ::chassis::private::IntoError> ::core::convert::From<E> for #ident {
                fn from(error: E) -> Self {
                    ::chassis::private::lower(::chassis::private::IntoError::into_error(error))
                }
            }
        }
    } else {
        let listed = errors.unexpected.from.iter().map(|ty| {
            quote_spanned! {ty.span()=>
                #[automatically_derived]
                impl ::core::convert::From<#ty> for #ident {
                    fn from(error: #ty) -> Self {
                        ::chassis::private::lower_any::<#ty, _>(error)
                    }
                }
            }
        });
        quote!(#(#listed)*)
    };
    let out = if errors.unexpected.from.is_empty() {
        quote! {
            #[automatically_derived]
            impl ::core::convert::From<#ident> for ::chassis::private::Error {
                fn from(error: #ident) -> Self {
                    ::chassis::private::raise(error)
                }
            }
        }
    } else {
        quote!()
    };
    quote!(#into_ours #out)
}
