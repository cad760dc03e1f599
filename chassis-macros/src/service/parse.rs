//! From syntax to the model. The attributes that are ours are taken out of the user's functions.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{
    Attribute, FnArg, GenericArgument, ImplItem, ImplItemFn, ItemImpl, LitStr, PathArguments, Receiver, ReceiverKind,
    ReturnType, Type,
};

use super::model::{Check, Function, Init, Job, Route, Schedule, Service, Subscription};
use crate::attrs::{Args, DurationLit, summary};
use crate::diagnostics::{Diagnostics, nearest};
use crate::route::{RouteAttr, Verb};
use crate::stream::is_stream;

const OURS: [&str; 10] = ["get", "post", "put", "patch", "delete", "subscribe", "every", "check", "init", "router"];

pub(crate) fn parse(arguments: TokenStream, block: &mut ItemImpl, faults: &mut Diagnostics) -> Service {
    let span = if arguments.is_empty() { Span::call_site() } else { arguments.span() };
    let mut args = Args::parse("service", span, arguments, faults);
    let mut service = Service {
        name: args.text("name", "orders", faults),
        span,
        database: args.flag("database", faults).is_some(),
        provides: args.list("provides", "Orders", faults),
        migrations: args.text("migrations", "migrations", faults),
        self_type: (*block.self_ty).clone(),
        init: None,
        routes: Vec::new(),
        subscriptions: Vec::new(),
        jobs: Vec::new(),
        checks: Vec::new(),
        router: None,
    };
    args.finish(faults);
    if let Some((path, _)) = &block.trait_ {
        faults
            .error(&path, "`#[service]` stands above the type's own `impl` block; a contract's goes by `provides(…)`");
    }
    if !block.generics.params.is_empty() {
        faults.error(&block.generics, "a service has no type parameters; name the types it works with");
    }
    for item in &mut block.items {
        if let ImplItem::Fn(function) = item {
            parse_function(function, &mut service, faults);
        }
    }
    service
}

fn parse_function(function: &mut ImplItemFn, service: &mut Service, faults: &mut Diagnostics) {
    let mut ours = Vec::new();
    function.attrs.retain(|attribute| match attribute.path().get_ident().map(ToString::to_string) {
        Some(name) if OURS.contains(&name.as_str()) => {
            ours.push((name, attribute.clone()));
            false
        }
        Some(name) => match nearest(&name, &OURS).filter(|_| !BUILT_IN.contains(&name.as_str())) {
            Some(near) => {
                faults.error(&attribute.path(), format!("unknown attribute `{name}`; did you mean `{near}`?"));
                false
            }
            None => true,
        },
        None => true,
    });
    for (name, attribute) in &ours {
        parse_declared(name, attribute, function, service, faults);
    }
}

/// Attributes of the language that are near to one of ours.
const BUILT_IN: [&str; 3] = ["test", "deny", "must_use"];

fn parse_declared(
    name: &str,
    attribute: &Attribute,
    function: &ImplItemFn,
    service: &mut Service,
    faults: &mut Diagnostics,
) {
    match name {
        "init" => {
            Args::of(attribute, faults).finish(faults);
            if let Some(receiver) = receiver(function) {
                faults.error(&receiver, "`#[init]` makes the service, so it has no `self`");
            }
            must_be_async(function, faults);
            let init = Init { function: described(function) };
            if service.init.replace(init).is_some() {
                faults.error(&function.sig.ident, "a service has one `#[init]` only");
            }
        }
        "router" => {
            Args::of(attribute, faults).finish(faults);
            if function.sig.asyncness.is_some() {
                faults.error(&function.sig.asyncness, "`#[router]` only puts routes together, so it is not async");
            }
            if service.router.replace(function.sig.ident.clone()).is_some() {
                faults.error(&function.sig.ident, "a service has one `#[router]` only");
            }
        }
        "subscribe" => {
            method(function, "a subscriber", faults);
            service.subscriptions.push(subscription(attribute, function, faults));
        }
        "every" => {
            method(function, "a job", faults);
            service.jobs.push(job(attribute, function, faults));
        }
        "check" => {
            method(function, "a check", faults);
            let mut args = Args::of(attribute, faults);
            let degrading = args.flag("degrading", faults);
            if let (Some(_), Some(span)) = (args.flag("required", faults), degrading) {
                faults.at(span, "a check is either `required` or `degrading`");
            }
            service.checks.push(Check {
                function: described(function),
                required: degrading.is_none(),
                every: args.duration("every", faults),
                timeout: args.duration("timeout", faults),
            });
            args.finish(faults);
        }
        _ => {
            method(function, "a handler", faults);
            let attribute = Verb::of(attribute).and_then(|verb| RouteAttr::parse(verb, attribute, faults));
            if let Some(attribute) = attribute {
                if attribute.status.is_some() {
                    let advice =
                        "`status` is for contracts; a handler says it in what it returns: `(StatusCode::CREATED, …)`";
                    faults.at(attribute.span, advice);
                }
                if let Some(kind) = &attribute.content_type {
                    let advice = "`content_type` is for contracts; a handler says it in what it returns: \
                                  `([(CONTENT_TYPE, \"text/csv\")], stream)`";
                    faults.error(kind, advice);
                }
                service.routes.push(Route { function: described(function), attribute });
            }
        }
    }
}

fn subscription(attribute: &Attribute, function: &ImplItemFn, faults: &mut Diagnostics) -> Subscription {
    let mut args = Args::of(attribute, faults);
    let described = described(function);
    let first = described.arguments.first();
    let many = first.and_then(|ty| inner(ty, "Vec"));
    let event = many.or(first).and_then(|ty| inner(ty, "Delivery")).cloned();
    let many = many.is_some();
    if event.is_none() {
        let advice = "a subscriber takes the event first: `event: Delivery<OrderPlaced>`";
        match described.arguments.first() {
            Some(other) => faults.error(&other, undelivered(other)),
            None => faults.error(&function.sig.ident, advice),
        }
    }
    for extra in described.arguments.iter().skip(2) {
        faults.error(
            &extra,
            "a subscriber takes the event and, if it likes, `tx: &mut Tx`; what else it needs is in `self`",
        );
    }
    let count = |key, args: &mut Args, faults: &mut Diagnostics| {
        args.integer(key, "8", 1..=u64::from(u16::MAX), faults).and_then(|(count, _)| u16::try_from(count).ok())
    };
    let batched = args.has("batch");
    let batch = args.integer("batch", "100", 2..=10_000, faults);
    let batch = batch.and_then(|(size, literal)| Some((u16::try_from(size).ok()?, literal.span())));
    let within = args.text("within", "50ms", faults);
    let within = within.and_then(|text| Some((DurationLit::parse(&text, faults)?, text.span())));
    let subscription = Subscription {
        accepts: args.list("accepts", "OrderPlacedV1", faults),
        many,
        batched,
        batch,
        within,
        ordered: args.flag("ordered", faults),
        single_active: args.flag("single_active", faults).is_some(),
        tx: described.arguments.get(1).map(Spanned::span),
        event,
        at_least_once: args.flag("at_least_once", faults),
        queue: args.text("queue", "order-placed", faults),
        retry: args.text("retry", "standard", faults),
        concurrency: count("concurrency", &mut args, faults),
        prefetch: count("prefetch", &mut args, faults),
        timeout: args.duration("timeout", faults),
        function: described,
    };
    args.finish(faults);
    subscription
}

/// The `T` of `name<T>`.
pub(super) fn inner<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    }
}

/// What to write instead of the event's own type.
fn undelivered(ty: &Type) -> String {
    let mut event = ty;
    while let Type::Reference(reference) = event {
        event = &reference.elem;
    }
    let event = match event {
        Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident != "Delivery") => {
            event.to_token_stream().to_string().replace(' ', "")
        }
        _ => "OrderPlaced".to_owned(),
    };
    format!("a subscriber takes an event as it was delivered: `event: Delivery<{event}>`")
}

fn job(attribute: &Attribute, function: &ImplItemFn, faults: &mut Diagnostics) -> Job {
    let mut args = Args::of(attribute, faults);
    let pause = args.next_text(faults);
    let cron = args.text("cron", "0 3 * * *", faults);
    let schedule = match (pause, cron) {
        (Some(pause), None) => DurationLit::parse(&pause, faults).map_or(Schedule::Wrong, Schedule::Every),
        (None, Some(cron)) => checked_cron(cron, faults),
        (Some(_), Some(cron)) => {
            faults.error(&cron, "a job runs either every so often or by `cron`");
            Schedule::Wrong
        }
        (None, None) => {
            let advice = "when does it run? write `#[every(\"10s\")]` or `#[every(cron = \"0 3 * * *\")]`";
            faults.at(args.span, advice);
            Schedule::Wrong
        }
    };
    let described = described(function);
    if let Some(extra) = described.arguments.first() {
        faults.error(&extra, "a job takes nothing but `&self`");
    }
    let leased = args.flag("leased", faults);
    args.finish(faults);
    Job { function: described, schedule, leased }
}

fn checked_cron(text: LitStr, faults: &mut Diagnostics) -> Schedule {
    let written = text.value();
    let zoned = if written.split_whitespace().count() == 5 { format!("{written} UTC") } else { written.clone() };
    match cronexpr::parse_crontab(&zoned) {
        Ok(_) => Schedule::Cron(text),
        Err(error) => {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default();
            let fields = "five fields: minute hour day month weekday, such as \"0 3 * * *\"";
            faults.error(&text, format!("`{written}` is no crontab expression ({reason}); it has {fields}"));
            Schedule::Wrong
        }
    }
}

/// A declared method is async and takes `&self`.
fn method(function: &ImplItemFn, what: &str, faults: &mut Diagnostics) {
    match receiver(function) {
        None => faults.error(&function.sig.ident, format!("{what} takes `&self` first")),
        Some(receiver) if !matches!(&receiver.kind, ReceiverKind::Reference(_, _, None)) => {
            faults.error(&receiver, format!("{what} takes `&self`: many run at once"));
        }
        Some(_) => {}
    }
    must_be_async(function, faults);
    if !function.sig.generics.params.is_empty() {
        faults.error(&function.sig.generics, format!("{what} has no type parameters"));
    }
}

fn must_be_async(function: &ImplItemFn, faults: &mut Diagnostics) {
    if function.sig.asyncness.is_none() {
        faults.error(&function.sig.fn_token, format!("write `async fn {}`", function.sig.ident));
    }
}

fn receiver(function: &ImplItemFn) -> Option<&Receiver> {
    function.sig.inputs.iter().find_map(|argument| match argument {
        FnArg::Receiver(receiver) => Some(receiver),
        FnArg::Typed(_) => None,
    })
}

fn described(function: &ImplItemFn) -> Function {
    let arguments = function.sig.inputs.iter().filter_map(|argument| match argument {
        FnArg::Typed(typed) => Some((*typed.ty).clone()),
        FnArg::Receiver(_) => None,
    });
    let name = function.sig.ident.clone();
    let output = match &function.sig.output {
        ReturnType::Type(_, ty) => ty.span(),
        ReturnType::Default => name.span(),
    };
    let answer = match &function.sig.output {
        ReturnType::Type(_, ty) => answer(ty).cloned(),
        ReturnType::Default => None,
    };
    let streams = matches!(&function.sig.output, ReturnType::Type(_, ty) if answers_stream(ty));
    Function { name, summary: summary(&function.attrs), arguments: arguments.collect(), output, answer, streams }
}

/// Whether it is a stream, be it alone, the last of a tuple, or in a `Result`.
fn answers_stream(ty: &Type) -> bool {
    match ty {
        Type::Tuple(tuple) => tuple.elems.last().is_some_and(answers_stream),
        _ => is_stream(ty) || inner(ty, "Result").is_some_and(answers_stream),
    }
}

/// The `T` of a `Json<T>`, be it alone, the last of a tuple, or in a `Result`.
fn answer(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Tuple(tuple) => answer(tuple.elems.last()?),
        _ => inner(ty, "Json").or_else(|| answer(inner(ty, "Result")?)),
    }
}
