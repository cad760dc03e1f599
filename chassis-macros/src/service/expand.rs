//! From the model to code. Generated code names nothing but the hidden `private` module.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, ItemImpl, LitStr, Type};

use super::model::{Check, Init, Job, Route, Schedule, Service, Subscription};
use super::parse::inner;
use super::validate::{needs_database, queue_name};
use crate::stream::is_stream;

/// The user's block, and the service that it is.
pub(crate) fn expand(service: &Service, block: &ItemImpl) -> TokenStream {
    let routes = service.routes.iter().map(route);
    let subscriptions = service.subscriptions.iter().map(subscription);
    let jobs = service.jobs.iter().map(job);
    let checks = service.checks.iter().map(check);
    let contracts = service.provides.iter().map(|contract| {
        // What is not implemented is reported where it was promised.
        let this = service.self_type.to_token_stream().into_iter().map(|mut token| {
            token.set_span(contract.span());
            token
        });
        let this: TokenStream = this.collect();
        quote_spanned!(contract.span()=> definition.contract(<#this as #contract>::__contract());)
    });
    let router =
        service.router.iter().map(|name| quote!(definition.router(|this, router| Self::#name(&this, router));));
    let migrations = service.migrations.iter().map(migrations);
    let init = service.init.iter().map(init);
    let database = needs_database(service).map(|span| quote_spanned!(span=> ::chassis::private::database::<()>();));
    let body = quote! {
        definition.version(::core::option_env!("CARGO_PKG_VERSION").unwrap_or(""));
        #(#routes)*
        #(#contracts)*
        #(#subscriptions)*
        #(#jobs)*
        #(#checks)*
        #(#router)*
        #(#migrations)*
        #database
    };
    let promise = promise(service, body);
    quote! {
        #block
        const _: () = {
            #promise
            #(#init)*
        };
    }
}

/// The user's block as it stands, and a service that declares nothing.
pub(crate) fn fallback(service: &Service, block: &ItemImpl) -> TokenStream {
    if block.trait_.is_some() || !block.generics.params.is_empty() {
        return quote!(#block);
    }
    let promise = promise(service, TokenStream::new());
    quote!(#block #promise)
}

fn promise(service: &Service, body: TokenStream) -> TokenStream {
    let (this, name) = (&service.self_type, service.name.as_ref().map_or_else(String::new, LitStr::value));
    quote! {
        #[automatically_derived]
        impl ::chassis::private::Service for #this {
            const NAME: &'static str = #name;

            #[allow(unused_variables)]
            fn __define(definition: &mut ::chassis::private::Definition<Self>) {
                #body
            }
        }
    }
}

fn route(route: &Route) -> TokenStream {
    let attribute = &route.attribute;
    let (name, summary) = (&route.function.name, &route.function.summary);
    let (verb, path) = (attribute.verb.constant(), &attribute.path.literal);
    let idempotent = attribute.verb.is_idempotent() || attribute.idempotent.is_some();
    let timeout = option(attribute.timeout.as_ref());
    let guards = &attribute.guards;
    let request = route.function.arguments.last().and_then(|ty| inner(ty, "Json")).map(schema);
    let request = option(request.as_ref());
    let response = route.function.answer.as_ref().map(schema);
    let response = option(response.as_ref());
    let takes_stream = route.function.arguments.last().is_some_and(is_stream);
    let answers_stream = route.function.streams;
    let variables: Vec<Ident> = (0..route.function.arguments.len()).map(|at| format_ident!("__{at}")).collect();
    let takes = take(&route.function.arguments, &variables);
    let answer = Ident::new("answer", route.function.output);
    let reply = quote_spanned!(route.function.output=> ::chassis::private::reply(#answer));
    let call = quote_spanned! {name.span()=>
        ::chassis::private::boxed(async move {
            #takes
            let #answer = this.#name(#(#variables),*).await;
            #reply
        })
    };
    quote! {
        definition.route(
            ::chassis::private::RouteSpec {
                method: ::chassis::private::Method::#verb,
                path: #path,
                name: ::core::stringify!(#name),
                summary: #summary,
                contract: ::core::option::Option::None,
                status: ::core::option::Option::None,
                timeout: #timeout,
                idempotent: #idempotent,
                guards: #guards,
                request: #request,
                response: #response,
                takes_stream: #takes_stream,
                answers_stream: #answers_stream,
            },
            |this, request| #call,
        );
    }
}

/// What describes a type; one that has no schema is described by nothing.
fn schema(ty: &Type) -> TokenStream {
    quote! {
        |generator| {
            #[allow(unused_imports)]
            use ::chassis::private::{WithSchema as _, WithoutSchema as _};
            (&&::chassis::private::Described::<#ty>::new()).schema(generator)
        }
    }
}

/// Takes the arguments out of `request`: the last may read the body, the others what comes before it.
fn take(types: &[Type], variables: &[Ident]) -> TokenStream {
    let Some((last, before)) = types.split_last() else { return quote!(let _ = request;) };
    let parts = before.iter().zip(variables).map(|(ty, variable)| {
        quote_spanned! {ty.span()=>
            let #variable = match ::chassis::private::arg_parts::<#ty>(&mut parts).await {
                ::core::result::Result::Ok(value) => value,
                ::core::result::Result::Err(response) => return response,
            };
        }
    });
    let split = if before.is_empty() {
        quote!()
    } else {
        quote! {
            let (mut parts, body) = request.into_parts();
            #(#parts)*
            let request = ::chassis::private::Request::from_parts(parts, body);
        }
    };
    let variable = &variables[before.len()];
    let whole = quote_spanned! {last.span()=>
        let #variable = match ::chassis::private::arg_last::<#last, _>(request).await {
            ::core::result::Result::Ok(value) => value,
            ::core::result::Result::Err(response) => return response,
        };
    };
    quote!(#split #whole)
}

fn subscription(subscription: &Subscription) -> TokenStream {
    let name = &subscription.function.name;
    let Some(event) = &subscription.event else { return TokenStream::new() };
    let queue = queue_name(subscription);
    let retry = subscription.retry.as_ref().map_or_else(|| "standard".to_owned(), LitStr::value);
    // A batch is many at once already.
    let concurrency = subscription.concurrency.unwrap_or(if subscription.many { 1 } else { 4 });
    let prefetch = match subscription.prefetch {
        Some(prefetch) => quote!(::core::option::Option::Some(#prefetch)),
        None => quote!(::core::option::Option::None),
    };
    let timeout = option(subscription.timeout.as_ref());
    let single_active = subscription.single_active;
    let shape = shape(subscription);
    let mode = if subscription.tx.is_some() { quote!(Transactional) } else { quote!(AtLeastOnce) };
    let of_event = quote_spanned!(event.span()=> ::chassis::private::event::<#event>());
    let add = Ident::new(if subscription.many { "batch_subscription" } else { "subscription" }, Span::call_site());
    let call = receive(subscription, event);
    let accepts = subscription.accepts.iter().map(|older| {
        // Reported here when the one cannot be turned into the other.
        quote_spanned!(older.span()=> ::chassis::private::older::<#older, #event>())
    });
    quote! {
        let (kind, owner) = #of_event;
        definition.#add(
            ::chassis::private::SubscriptionSpec {
                name: ::core::stringify!(#name),
                queue: ::core::option::Option::Some(#queue),
                kind,
                owner,
                accepts: const { &[#(#accepts),*] },
                retry: #retry,
                concurrency: #concurrency,
                prefetch: #prefetch,
                timeout: #timeout,
                mode: ::chassis::private::Mode::#mode,
                shape: ::chassis::private::Shape::#shape,
                single_active: #single_active,
            },
            |this, received, tx| #call,
        );
    }
}

fn shape(subscription: &Subscription) -> TokenStream {
    match &subscription.batch {
        Some((size, _)) => {
            let within = match &subscription.within {
                Some((within, _)) => within.to_token_stream(),
                None => quote!(::core::time::Duration::from_millis(50)),
            };
            quote!(Batch { size: #size, within: #within })
        }
        None if subscription.ordered.is_some() => quote!(Ordered),
        None => quote!(Each),
    }
}

/// Decodes what was received and calls the function.
fn receive(subscription: &Subscription, event: &Type) -> TokenStream {
    let name = &subscription.function.name;
    let call = if subscription.tx.is_some() {
        quote!(this.#name(event, ::chassis::private::transaction(tx)?).await)
    } else {
        quote!(this.#name(event).await)
    };
    let older = subscription.accepts.iter().map(|older| {
        quote_spanned! {older.span()=>
            if let ::core::option::Option::Some(older) = ::chassis::private::upcast::<#older, #event>(received) {
                return older;
            }
        }
    });
    let decode = quote! {
        |received: &::chassis::private::Received| -> ::chassis::private::Result<::chassis::private::Delivery<#event>> {
            #(#older)*
            received.decode::<#event>()
        }
    };
    let decoded = if subscription.many {
        quote!(::chassis::private::decode_all(received, #decode)?)
    } else if subscription.accepts.is_empty() {
        quote!(received.decode::<#event>()?)
    } else {
        quote!((#decode)(received)?)
    };
    quote_spanned! {name.span()=>
        ::chassis::private::boxed_work(async move {
            let event = #decoded;
            #call
        })
    }
}

fn job(job: &Job) -> TokenStream {
    let name = &job.function.name;
    let leased = job.leased.is_some();
    let call = quote_spanned!(name.span()=> ::chassis::private::boxed_work(async move { this.#name().await }));
    match &job.schedule {
        Schedule::Every(pause) => {
            quote!(definition.every(::core::stringify!(#name), #pause, #leased, |this| #call);)
        }
        Schedule::Cron(cron) => quote!(definition.cron(::core::stringify!(#name), #cron, #leased, |this| #call);),
        Schedule::Wrong => TokenStream::new(),
    }
}

fn check(check: &Check) -> TokenStream {
    let (name, required) = (&check.function.name, check.required);
    let (every, timeout) = (option(check.every.as_ref()), option(check.timeout.as_ref()));
    let call = quote_spanned! {name.span()=>
        ::chassis::private::boxed(async move { ::chassis::private::health(this.#name().await) })
    };
    quote!(definition.check(::core::stringify!(#name), #required, #every, #timeout, |this| #call);)
}

/// Each argument of `#[init]` is a part.
fn init(init: &Init) -> TokenStream {
    let parts = init.function.arguments.iter().map(|ty| quote_spanned!(ty.span()=> ::chassis::private::part::<#ty>();));
    quote! {
        #[allow(dead_code)]
        fn __parts() {
            #(#parts)*
        }
    }
}

/// The migrations in a folder, compiled into the program.
fn migrations(folder: &LitStr) -> TokenStream {
    match crate::migrations::read(folder) {
        Ok(files) => {
            let files = files.iter().map(|file| {
                let (version, description, path) = (file.version, &file.description, &file.path);
                quote!((#version, #description, ::core::include_str!(#path)))
            });
            quote_spanned!(folder.span()=> definition.migrations(&[#(#files),*]);)
        }
        Err(message) => syn::Error::new(folder.span(), message).into_compile_error(),
    }
}

fn option<T: ToTokens>(value: Option<&T>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
