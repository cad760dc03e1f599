//! The server's side: the hidden methods of the trait by which a service is mounted, found and described.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Ident;

use super::model::{Argument, Contract, Operation, Place};

/// The hidden provided methods.
pub(super) fn hidden(contract: &Contract) -> TokenStream {
    let (name, version, ident) = (&contract.name, contract.version, &contract.ident);
    let (object, client) = (contract.object(), contract.client());
    let routes = contract.operations.iter().enumerate().map(|(index, operation)| route(contract, index, operation));
    quote! {
        #[doc(hidden)]
        fn __routes(this: ::chassis::private::Arc<Self>, routes: &mut ::chassis::private::Routes)
        where
            Self: ::core::marker::Sized,
        {
            #(#routes)*
        }

        #[doc(hidden)]
        fn __contract() -> ::chassis::private::ContractEntry<Self>
        where
            Self: ::core::marker::Sized,
        {
            ::chassis::private::ContractEntry {
                name: #name,
                version: #version,
                operations: #client::__OPERATIONS,
                local: ::core::any::TypeId::of::<dyn #object>(),
                describe: #client::describe,
                mount: <Self as #ident>::__routes,
                publish: |service, locals| {
                    let service: ::chassis::private::Arc<dyn #object> = ::core::clone::Clone::clone(service) as _;
                    locals.fill(&service);
                },
            }
        }
    }
}

/// Adds one route.
fn route(contract: &Contract, index: usize, operation: &Operation) -> TokenStream {
    let (client, ident, method) = (contract.client(), &contract.ident, &operation.ident);
    let takes =
        operation.arguments.iter().enumerate().map(|(at, argument)| take(argument, &client, &operation.table(at)));
    let output = operation.output_table();
    let names = operation.names();
    let found = names.iter();
    let call = quote! {
        <Self as #ident>::#method(&*this #(, #names)*).await
    };
    let body = if operation.arguments.is_empty() {
        quote!(incoming.answer(&#client::#output, #call))
    } else {
        quote! {
            #(#takes)*
            match (#(#names,)*) {
                (#(::core::option::Option::Some(#found),)*) => incoming.answer(&#client::#output, #call),
                _ => incoming.refuse(),
            }
        }
    };
    quote! {
        routes.add(
            #client::__OPERATIONS[#index].route(),
            ::core::clone::Clone::clone(&this),
            |this: ::chassis::private::Arc<Self>, request| ::chassis::private::boxed(async move {
                #[allow(unused_mut)]
                let mut incoming =
                    ::chassis::private::Incoming::new(&#client::__OPERATIONS[#index], request).await;
                #body
            }),
        );
    }
}

fn take(argument: &Argument, client: &Ident, table: &Ident) -> TokenStream {
    let Argument { ident, place, .. } = argument;
    match place {
        Place::Path => {
            let name = ident.to_string();
            quote!(let #ident = incoming.path(&#client::#table, #name);)
        }
        Place::Header(name) => quote!(let #ident = incoming.header(&#client::#table, #name);),
        Place::Query => quote!(let #ident = incoming.query(&#client::#table);),
        Place::Body => quote!(let #ident = incoming.body(&#client::#table).await;),
        Place::Stream => quote!(let #ident = incoming.stream();),
    }
}
