//! What a route attribute says of how the route is guarded, besides its time-out:
//! `body_limit = "10 MiB", limit = 20, rate = "100/s", burst = 50, priority = "critical", cancellable`.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Expr, ExprLit, Lit};

use crate::attrs::{Args, DurationLit, duration};
use crate::diagnostics::{Diagnostics, nearest};
use crate::route::Verb;

/// What is said; what is not is as the listener has it.
#[derive(Clone, Default)]
pub(crate) struct Guards {
    /// In bytes.
    body_limit: Option<usize>,
    limit: Option<Limit>,
    rate: Option<Rate>,
    priority: Option<Priority>,
    /// Where the word `cancellable` stands.
    pub(crate) cancellable: Option<Span>,
}

#[derive(Clone, Copy, PartialEq)]
enum Limit {
    Off,
    Fixed(u32),
}

#[derive(Clone)]
struct Rate {
    calls: u32,
    period: DurationLit,
    burst: u32,
}

#[derive(Clone, Copy)]
enum Priority {
    Critical,
    Default,
    Sheddable,
}

const PRIORITIES: [(&str, Priority); 3] =
    [("critical", Priority::Critical), ("default", Priority::Default), ("sheddable", Priority::Sheddable)];

/// The most that a fixed limit can let in.
const MOST: u32 = 1 << 20;

impl Guards {
    /// Takes what is known out of the arguments of a route attribute.
    pub(crate) fn parse(verb: Verb, args: &mut Args, faults: &mut Diagnostics) -> Self {
        let body_limit = args.expr("body_limit", "\"10 MiB\"", faults);
        if let Some(expr) = body_limit.as_ref().filter(|_| !verb.has_body()) {
            let name = verb.constant();
            faults.error(expr, format!("a {name} request has no body; leave out `body_limit`"));
        }
        let limit = args.expr("limit", "20", faults).and_then(|expr| limit(&expr, faults));
        let rate = rate(args, faults);
        let said = args.expr("priority", "\"critical\"", faults);
        if let (Some(Limit::Off), Some(expr)) = (limit, &said) {
            faults.error(expr, "with `limit = \"off\"` the route refuses nobody, so it has no `priority`");
        }
        let cancellable = args.flag("cancellable", faults);
        if let Some(span) = cancellable.filter(|_| verb == Verb::Get) {
            let message = "a GET is cancelled with its client by itself; the word belongs on what changes something";
            faults.at(span, message);
        }
        Self {
            body_limit: body_limit.and_then(|expr| size(&expr, faults)),
            limit,
            rate,
            priority: said.and_then(|expr| priority(&expr, faults)),
            cancellable,
        }
    }

    fn is_silent(&self) -> bool {
        matches!(self, Self { body_limit: None, limit: None, rate: None, priority: None, cancellable: None })
    }
}

impl ToTokens for Guards {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let none = quote!(::chassis::private::Guards::NONE);
        if self.is_silent() {
            return tokens.extend(none);
        }
        let Self { body_limit, limit, rate, priority, cancellable } = self;
        let some = |value: TokenStream| quote!(::core::option::Option::Some(#value));
        let body_limit = body_limit.map(|bytes| some(quote!(#bytes))).map(|value| quote!(body_limit: #value,));
        let limit = limit.map(|limit| match limit {
            Limit::Off => some(quote!(::chassis::private::Limit::Off)),
            Limit::Fixed(number) => some(quote!(::chassis::private::Limit::Fixed(#number))),
        });
        let limit = limit.map(|value| quote!(limit: #value,));
        let rate = rate.as_ref().map(|Rate { calls, period, burst }| {
            let value = quote!(::chassis::private::Rate { calls: #calls, period: #period, burst: #burst });
            let value = some(value);
            quote!(rate: #value,)
        });
        let priority = priority.map(|priority| {
            let name = match priority {
                Priority::Critical => quote!(Critical),
                Priority::Default => quote!(Default),
                Priority::Sheddable => quote!(Sheddable),
            };
            let value = some(quote!(::chassis::private::Priority::#name));
            quote!(priority: #value,)
        });
        let cancellable = cancellable.map(|_| quote!(cancellable: true,));
        tokens.extend(quote!(::chassis::private::Guards { #body_limit #limit #rate #priority #cancellable ..#none }));
    }
}

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

fn number<N: std::str::FromStr<Err: std::fmt::Display>>(expr: &Expr) -> Option<N> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
        _ => None,
    }
}

fn size(expr: &Expr, faults: &mut Diagnostics) -> Option<usize> {
    let bytes = number(expr).or_else(|| bytes(&text(expr)?)).filter(|bytes| *bytes > 0);
    if bytes.is_none() {
        let advice = "write `body_limit = \"10 MiB\"`, or how many bytes from 1 on";
        faults.error(expr, format!("`body_limit` is the size of the largest body: {advice}"));
    }
    bytes
}

/// Reads a size as the configuration has it.
fn bytes(text: &str) -> Option<usize> {
    const UNITS: [(&str, usize); 7] = [
        ("B", 1),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
    ];
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = (text[..unit].parse::<usize>().ok()?, text[unit..].trim_start());
    let (_, factor) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.checked_mul(*factor)
}

fn limit(expr: &Expr, faults: &mut Diagnostics) -> Option<Limit> {
    let off = text(expr).filter(|text| text == "off").map(|_| Limit::Off);
    let limit = off.or_else(|| number(expr).filter(|number| (1..=MOST).contains(number)).map(Limit::Fixed));
    if limit.is_none() {
        let advice = format!("write a number from 1 to {MOST}, such as `limit = 20`, or `limit = \"off\"`");
        faults.error(expr, format!("`limit` is how many requests are let in at the same time: {advice}"));
    }
    limit
}

fn rate(args: &mut Args, faults: &mut Diagnostics) -> Option<Rate> {
    let said = args.expr("rate", "\"100/s\"", faults);
    let burst = args.expr("burst", "50", faults);
    let burst = burst.map(|expr| {
        if said.is_none() {
            let advice = "write `rate = \"100/s\"` beside it";
            faults.error(&expr, format!("`burst` is how many requests of a rate may come at once: {advice}"));
        }
        let burst = number(&expr).filter(|burst| *burst > 0u32);
        if burst.is_none() {
            faults.error(&expr, "`burst` is a number from 1 on: write `burst = 50`");
        }
        burst.unwrap_or(1)
    });
    let said = said?;
    let read = text(&said).and_then(|text| per(&text));
    let Some((calls, period)) = read else {
        let advice = "write `rate = \"100/s\"`, \"1000/min\" or \"5/10s\"";
        faults
            .error(&said, format!("`rate` is how many requests are let in in how much time, a day at most: {advice}"));
        return None;
    };
    Some(Rate { calls, period: DurationLit { value: period }, burst: burst.unwrap_or(calls) })
}

/// Reads a rate as the configuration has it.
fn per(text: &str) -> Option<(u32, Duration)> {
    let (calls, period) = text.split_once('/')?;
    let (calls, period) = (calls.trim().parse::<u32>().ok()?, period.trim());
    let counted = period.starts_with(|c: char| c.is_ascii_digit());
    let period = if counted { duration(period)? } else { duration(&format!("1{period}"))? };
    // The policy's own rules, told before the start.
    let holds = calls > 0 && period.as_nanos() >= u128::from(calls) && period <= Duration::from_secs(86_400);
    holds.then_some((calls, period))
}

fn priority(expr: &Expr, faults: &mut Diagnostics) -> Option<Priority> {
    let said = text(expr).unwrap_or_default();
    let found = PRIORITIES.iter().find(|(name, _)| *name == said).map(|(_, priority)| *priority);
    if found.is_none() {
        let near = nearest(&said, &PRIORITIES.map(|(name, _)| name));
        let advice = near.map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
        faults.error(expr, format!("`priority` is \"critical\", \"default\" or \"sheddable\"{advice}"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes_and_rates() {
        assert_eq!((bytes("10 MiB"), bytes("2kb"), bytes("7 B")), (Some(10 << 20), Some(2000), Some(7)));
        assert_eq!(per("100/s"), Some((100, Duration::from_secs(1))));
        assert_eq!(per("1000/min"), Some((1000, Duration::from_secs(60))));
        assert_eq!(per("5 / 10s"), Some((5, Duration::from_secs(10))));
        for wrong in ["", "10", "MiB", "1.5 MiB", "10 parsecs", "99999999999 GiB"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
        for wrong in ["", "100", "/s", "0/s", "-1/s", "100/0s", "1/2d", "x/s", "100/parsec"] {
            assert_eq!(per(wrong), None, "{wrong}");
        }
    }
}
