//! The scripted double for tests.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Ident;

use super::model::{Contract, Operation};

pub(super) fn double(contract: &Contract) -> TokenStream {
    let Contract { ident, visibility, operations, .. } = contract;
    let (client, double, state) = (contract.client(), contract.double(), format_ident!("__{}Double", ident));
    let documentation = format!(
        "A double of [`{ident}`] for tests: it answers as scripted by its `on_…` methods, and counts the calls. A call that \
         has no answer panics, which names it."
    );
    let fields = operations.iter().map(|operation| {
        let (field, types, output) = (field(operation), operation.types(), &operation.output);
        quote!(#field: ::chassis::private::Script<(#(#types,)*), #output>)
    });
    let values = operations.iter().map(|operation| {
        let (field, name) = (field(operation), operation.name());
        quote!(#field: ::chassis::private::Script::new(#name))
    });
    let scripts = operations.iter().map(|operation| {
        let (field, types, output, names) = (field(operation), operation.types(), &operation.output, operation.names());
        let (on, calls) = (format_ident!("on_{}", operation.name()), format_ident!("{}_calls", operation.name()));
        let fault = format_ident!("fault_{}", operation.name());
        let fault_documentation = format!("Lets something go wrong with calls of `{}`.", operation.name());
        let on_documentation = format!("Answers `{}` so from now on.", operation.name());
        let calls_documentation = format!("How often `{}` was called.", operation.name());
        quote! {
            #[doc = #on_documentation]
            #[allow(dead_code)]
            #[allow(unused_mut)]
            #visibility fn #on(
                self,
                mut answer: impl ::core::ops::FnMut(#(#types),*) -> #output + ::core::marker::Send + 'static,
            ) -> Self {
                self.0.#field.set(move |(#(#names,)*)| answer(#(#names),*));
                self
            }

            #[doc = #fault_documentation]
            #[allow(dead_code)]
            #visibility fn #fault(self, fault: ::chassis::private::Fault) -> Self {
                self.0.#field.fault(fault);
                self
            }

            #[doc = #calls_documentation]
            #[allow(dead_code)]
            #visibility fn #calls(&self) -> usize {
                self.0.#field.calls()
            }
        }
    });
    let answers = operations.iter().enumerate().map(|(index, operation)| {
        let output_table = operation.output_table();
        let (field, method, output, parameters, names) =
            (field(operation), &operation.ident, &operation.output, operation.parameters(), operation.names());
        quote! {
            async fn #method(&self, #(#parameters),*) -> #output {
                let operation = &#client::__OPERATIONS[#index];
                self.0.#field.answer(&#client::#output_table, operation, (#(#names,)*)).await
            }
        }
    });
    quote! {
        #[doc = #documentation]
        #[derive(::core::clone::Clone)]
        #visibility struct #double(::chassis::private::Arc<#state>);

        #[doc(hidden)]
        #visibility struct #state {
            #(#fields),*
        }

        impl #double {
            /// A double without any answers.
            #[allow(dead_code, clippy::new_without_default)]
            #visibility fn new() -> Self {
                Self(::chassis::private::Arc::new(#state { #(#values),* }))
            }

            /// A client that calls it.
            #[allow(dead_code)]
            #visibility fn client(&self) -> #client {
                let double = ::core::clone::Clone::clone(self);
                #client::__new(::chassis::private::Core::double(::chassis::private::Arc::new(double)))
            }

            #(#scripts)*
        }

        #[automatically_derived]
        impl #ident for #double {
            #(#answers)*
        }
    }
}

/// Fields are private, but a name of the user's may be that of anything.
fn field(operation: &Operation) -> Ident {
    format_ident!("script_{}", operation.name())
}
