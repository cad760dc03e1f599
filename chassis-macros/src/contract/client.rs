//! The client: one type whatever is behind it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::model::{Argument, Contract, Operation, Place};

pub(super) fn client(contract: &Contract) -> TokenStream {
    let Contract { ident, visibility, name, version, description, operations } = contract;
    let (client, object) = (contract.client(), contract.object());
    let documentation = format!(
        "Calls [`{ident}`]: a remote service, one in the same process, or a double. Cloning is cheap; the methods can be \
         called without importing the trait."
    );
    let constants = operations.iter().map(|operation| constant(contract, operation));
    let methods = operations.iter().enumerate().map(|(index, operation)| method(contract, index, operation));
    let delegations = operations.iter().map(|operation| {
        let (method, output, parameters, names) =
            (&operation.ident, &operation.output, operation.parameters(), operation.names());
        quote! {
            fn #method(
                &self,
                #(#parameters),*
            ) -> impl ::core::future::Future<Output = #output> + ::core::marker::Send {
                #client::#method(self, #(#names),*)
            }
        }
    });
    let descriptions = operations.iter().enumerate().map(|(index, operation)| describe(index, operation));
    let tables = operations.iter().map(tables);
    let count = operations.len();
    quote! {
        #[doc = #documentation]
        #[derive(::core::clone::Clone)]
        #visibility struct #client(::chassis::private::Core<dyn #object>);

        impl #client {
            #[doc(hidden)]
            #visibility const __OPERATIONS: &'static [::chassis::private::Operation; #count] = &[#(#constants),*];

            #(#tables)*

            /// A client over what is given.
            #[doc(hidden)]
            #visibility fn __new(core: ::chassis::private::Core<dyn #object>) -> Self {
                Self(core)
            }

            /// A client of the service at that address, with the library's own settings.
            ///
            /// # Errors
            /// When it is no address that can be called.
            #[allow(dead_code)]
            #visibility fn connect(url: &str) -> ::chassis::private::Result<Self> {
                ::chassis::private::connect(#name, url).map(Self)
            }

            /// The same client with other options for its calls.
            #[allow(dead_code)]
            #[must_use]
            #visibility fn with(&self, options: ::chassis::private::CallOptions) -> Self {
                Self(self.0.with(options))
            }

            /// The contract as data; what its schemas refer to is collected by `generator`.
            #[allow(dead_code)]
            #visibility fn describe(
                generator: &mut ::chassis::private::schemars::SchemaGenerator,
            ) -> ::chassis::private::ContractSpec {
                ::chassis::private::contract_spec(
                    #name,
                    #version,
                    #description,
                    ::std::vec![#(#descriptions),*],
                )
            }

            #(#methods)*
        }

        #[automatically_derived]
        impl #ident for #client {
            #(#delegations)*
        }

        #[automatically_derived]
        impl ::chassis::private::Part for #client {
            fn provide(
                parts: &::chassis::private::Parts,
            ) -> ::chassis::private::BoxFuture<'_, ::chassis::private::Result<Self>> {
                ::std::boxed::Box::pin(async move {
                    ::chassis::private::provide_client(parts, #name).await.map(Self)
                })
            }

            fn needs(needs: &mut ::chassis::private::Needs) {
                ::chassis::private::need_client(needs, #name);
            }
        }
    }
}

fn constant(contract: &Contract, operation: &Operation) -> TokenStream {
    let (contract_name, version) = (&contract.name, contract.version);
    let Operation { summary, description, route, .. } = operation;
    let (name, verb) = (operation.name(), route.verb.constant());
    let path = route.path.literal.value();
    let path = format!("/v{version}{}", if path == "/" { "" } else { &path });
    let status = option(route.status.as_ref());
    let timeout = option(route.timeout.as_ref());
    let content_type = option(route.content_type.as_ref());
    let idempotent = route.idempotent.is_some() || route.verb.is_idempotent();
    let guards = &route.guards;
    quote! {
        ::chassis::private::Operation {
            contract: #contract_name,
            version: #version,
            name: #name,
            method: ::chassis::private::Method::#verb,
            path: #path,
            summary: #summary,
            description: #description,
            status: #status,
            content_type: #content_type,
            timeout: #timeout,
            idempotent: #idempotent,
            guards: #guards,
        }
    }
}

fn option<T: quote::ToTokens>(value: Option<T>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

fn method(contract: &Contract, index: usize, operation: &Operation) -> TokenStream {
    let visibility = &contract.visibility;
    let Operation { ident, documentation, output, arguments, .. } = operation;
    let (parameters, names, object_method) = (operation.parameters(), operation.names(), operation.object_method());
    let output_table = operation.output_table();
    let sets = arguments.iter().enumerate().map(|(at, Argument { ident, place, .. })| {
        let table = operation.table(at);
        match place {
            Place::Path => {
                let name = ident.to_string();
                quote!(.path(&Self::#table, #name, &#ident))
            }
            Place::Header(name) => quote!(.header(&Self::#table, #name, &#ident)),
            Place::Query => quote!(.query(&Self::#table, &#ident)),
            Place::Body => quote!(.body(&Self::#table, &#ident)),
            Place::Stream => quote!(.stream(#ident)),
        }
    });
    quote! {
        #(#documentation)*
        #[allow(dead_code)]
        #visibility async fn #ident(&self, #(#parameters),*) -> #output {
            if self.0.is_remote() {
                let call = ::chassis::private::Call::new(&Self::__OPERATIONS[#index]) #(#sets)*;
                call.send(&Self::#output_table, &self.0).await
            } else {
                let call = self.0.call(&Self::#output_table, &Self::__OPERATIONS[#index], move |service| {
                    ::std::boxed::Box::pin(async move { service.#object_method(#(#names),*).await })
                });
                call.await
            }
        }
    }
}

fn describe(index: usize, operation: &Operation) -> TokenStream {
    let output = operation.output_table();
    let parts = operation.arguments.iter().enumerate().map(|(at, Argument { ident, place, .. })| {
        let table = operation.table(at);
        match place {
            Place::Path => {
                let name = ident.to_string();
                quote!(.path(&Self::#table, #name))
            }
            Place::Header(name) => quote!(.header(&Self::#table, #name)),
            Place::Query => quote!(.query(&Self::#table)),
            Place::Body => quote!(.body(&Self::#table)),
            Place::Stream => quote!(.stream()),
        }
    });
    quote! {
        ::chassis::private::Describe::new(&Self::__OPERATIONS[#index], generator) #(#parts)* .output(&Self::#output)
    }
}

/// What can be done with the types that a method takes and returns. Each type is asked for its abilities here and nowhere
/// else, at the place where the user named it.
fn tables(operation: &Operation) -> TokenStream {
    let arguments = operation.arguments.iter().enumerate().filter_map(|(at, Argument { ty, place, .. })| {
        let name = operation.table(at);
        let (kind, make) = match place {
            // There is but one type of it.
            Place::Stream => return None,
            Place::Path | Place::Header(_) => (quote!(Plain), quote!(plain)),
            Place::Query => (quote!(Form), quote!(form)),
            Place::Body => (quote!(Whole), quote!(whole)),
        };
        let table = quote_spanned!(ty.span()=> ::chassis::private::#make::<#ty>());
        Some(quote!(const #name: ::chassis::private::#kind<#ty> = #table;))
    });
    let (name, ty) = (operation.output_table(), &operation.output);
    let output = quote_spanned!(ty.span()=> ::chassis::private::output::<#ty>());
    quote! {
        #(#arguments)*
        const #name: ::chassis::private::Output<#ty> = #output;
    }
}
