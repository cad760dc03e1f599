//! The arguments of attributes: `#[get("/path", timeout = "2s", status = 201, idempotent)]`.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitInt, LitStr, Meta, Token};

use crate::diagnostics::{Diagnostics, list, nearest};

/// The arguments of one attribute. Take what is known out of it by name; [`Args::finish`] reports the rest.
pub(crate) struct Args {
    /// The attribute's name, as messages say it: `get`.
    name: String,
    /// Where the attribute stands.
    pub(crate) span: Span,
    positional: std::collections::VecDeque<Expr>,
    named: Vec<Arg>,
    asked: Vec<&'static str>,
}

struct Arg {
    key: Ident,
    value: Value,
}

enum Value {
    /// `key`
    Flag,
    /// `key = value`
    Expr(Expr),
    /// `key(…)`
    List(TokenStream),
}

enum Item {
    Positional(Expr),
    Named(Arg),
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let ahead = input.fork();
        if ahead.call(Ident::parse_any).is_ok() {
            if ahead.is_empty() || ahead.peek(Token![,]) {
                return Ok(Self::Named(Arg { key: input.call(Ident::parse_any)?, value: Value::Flag }));
            }
            if ahead.peek(Token![=]) && !ahead.peek(Token![==]) {
                let key = input.call(Ident::parse_any)?;
                input.parse::<Token![=]>()?;
                return Ok(Self::Named(Arg { key, value: Value::Expr(input.parse()?) }));
            }
            if ahead.peek(syn::token::Paren) {
                let key = input.call(Ident::parse_any)?;
                let content;
                syn::parenthesized!(content in input);
                return Ok(Self::Named(Arg { key, value: Value::List(content.parse()?) }));
            }
        }
        Ok(Self::Positional(input.parse()?))
    }
}

impl Args {
    /// The arguments of an attribute on something inside the item.
    pub(crate) fn of(attribute: &Attribute, faults: &mut Diagnostics) -> Self {
        let name = attribute.path().segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        let span = attribute.path().span();
        match &attribute.meta {
            Meta::Path(_) => Self::parse(&name, span, TokenStream::new(), faults),
            Meta::List(meta) => Self::parse(&name, span, meta.tokens.clone(), faults),
            Meta::NameValue(meta) => {
                faults.error(
                    &meta.eq_token,
                    format!("the arguments of `#[{name}]` stand in parentheses: `#[{name}(…)]`"),
                );
                Self::parse(&name, span, TokenStream::new(), faults)
            }
        }
    }

    /// The arguments of the macro itself.
    pub(crate) fn parse(name: &str, span: Span, tokens: TokenStream, faults: &mut Diagnostics) -> Self {
        let mut args =
            Self { name: name.to_owned(), span, positional: Default::default(), named: Vec::new(), asked: Vec::new() };
        let items = faults.ok(Punctuated::<Item, Token![,]>::parse_terminated.parse2(tokens)).unwrap_or_default();
        for item in items {
            match item {
                Item::Positional(expr) => args.positional.push_back(expr),
                Item::Named(arg) if args.named.iter().any(|earlier| earlier.key == arg.key) => {
                    faults.error(&arg.key, format!("`{}` stands here twice", arg.key));
                }
                Item::Named(arg) => args.named.push(arg),
            }
        }
        args
    }

    fn take(&mut self, key: &'static str) -> Option<Arg> {
        self.asked.push(key);
        let index = self.named.iter().position(|arg| arg.key == key)?;
        Some(self.named.remove(index))
    }

    /// Whether `key` is there, right or wrong.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.named.iter().any(|arg| arg.key == key)
    }

    /// The next argument without a name, which must be a text.
    pub(crate) fn next_text(&mut self, faults: &mut Diagnostics) -> Option<LitStr> {
        match self.positional.pop_front()? {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
            other => {
                faults.error(&other, format!("`#[{}]` takes a text in quotes here", self.name));
                None
            }
        }
    }

    /// Where the word `key` stands alone.
    pub(crate) fn flag(&mut self, key: &'static str, faults: &mut Diagnostics) -> Option<Span> {
        let arg = self.take(key)?;
        if !matches!(arg.value, Value::Flag) {
            faults.error(&arg.key, format!("`{key}` takes no value: write `{key}` alone"));
        }
        Some(arg.key.span())
    }

    /// The value of `key = value`.
    pub(crate) fn expr(&mut self, key: &'static str, example: &str, faults: &mut Diagnostics) -> Option<Expr> {
        let arg = self.take(key)?;
        match arg.value {
            Value::Expr(expr) => Some(expr),
            Value::Flag | Value::List(_) => {
                faults.error(&arg.key, format!("`{key}` takes a value: write `{key} = {example}`"));
                None
            }
        }
    }

    /// The text of `key = "text"`.
    pub(crate) fn text(&mut self, key: &'static str, example: &str, faults: &mut Diagnostics) -> Option<LitStr> {
        match self.expr(key, &format!("{example:?}"), faults)? {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
            other => {
                faults.error(&other, format!("`{key}` is a text in quotes: write `{key} = {example:?}`"));
                None
            }
        }
    }

    /// The number of `key = 8`, if it is within `range`.
    pub(crate) fn integer(
        &mut self,
        key: &'static str,
        example: &str,
        range: std::ops::RangeInclusive<u64>,
        faults: &mut Diagnostics,
    ) -> Option<(u64, LitInt)> {
        let expr = self.expr(key, example, faults)?;
        if let Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) = &expr
            && let Ok(value) = number.base10_parse::<u64>()
            && range.contains(&value)
        {
            return Some((value, number.clone()));
        }
        let (low, high) = range.into_inner();
        faults.error(&expr, format!("`{key}` is a number from {low} to {high}: write `{key} = {example}`"));
        None
    }

    /// The time of `key = "250ms"`.
    pub(crate) fn duration(&mut self, key: &'static str, faults: &mut Diagnostics) -> Option<DurationLit> {
        let text = self.text(key, "2s", faults)?;
        DurationLit::parse(&text, faults)
    }

    /// What stands in `key(…)`, parsed as a list of `T`.
    pub(crate) fn list<T: Parse>(&mut self, key: &'static str, example: &str, faults: &mut Diagnostics) -> Vec<T> {
        let Some(arg) = self.take(key) else { return Vec::new() };
        match arg.value {
            Value::List(tokens) => faults
                .ok(Punctuated::<T, Token![,]>::parse_terminated.parse2(tokens))
                .map(|items| items.into_iter().collect())
                .unwrap_or_default(),
            Value::Flag | Value::Expr(_) => {
                faults.error(&arg.key, format!("`{key}` takes a list: write `{key}({example})`"));
                Vec::new()
            }
        }
    }

    /// Reports every argument that nothing asked for.
    pub(crate) fn finish(self, faults: &mut Diagnostics) {
        for expr in &self.positional {
            faults.error(expr, format!("`#[{}]` takes no such argument", self.name));
        }
        for arg in &self.named {
            let key = arg.key.to_string();
            let advice = match (nearest(&key, &self.asked), self.asked.is_empty()) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, false) => format!("it takes {}", list(&self.asked)),
                (None, true) => "it takes none".to_owned(),
            };
            faults.error(&arg.key, format!("`#[{}]` has no argument `{key}`; {advice}", self.name));
        }
    }
}

/// A length of time as written in an attribute: `"250ms"`, `"1h 30m"`.
#[derive(Clone)]
pub(crate) struct DurationLit {
    /// The time.
    pub(crate) value: Duration,
}

impl DurationLit {
    /// Reads a time; zero is refused, since it would switch off what it limits.
    pub(crate) fn parse(literal: &LitStr, faults: &mut Diagnostics) -> Option<Self> {
        match duration(&literal.value()) {
            Some(value) if !value.is_zero() => Some(Self { value }),
            Some(_) => {
                faults.error(literal, "this time is zero: write one such as \"250ms\", \"2s\" or \"5m\"");
                None
            }
            None => {
                let text = literal.value();
                faults.error(
                    literal,
                    format!("`{text}` is no length of time: write \"250ms\", \"2s\", \"5m\" or \"1h 30m\""),
                );
                None
            }
        }
    }
}

impl ToTokens for DurationLit {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let (seconds, nanoseconds) = (self.value.as_secs(), self.value.subsec_nanos());
        tokens.extend(quote!(::core::time::Duration::new(#seconds, #nanoseconds)));
    }
}

/// Reads a length of time as `humantime` writes it, down to nanoseconds.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let tail = rest[digits..].trim_start();
        let letters = tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len());
        let part = match &tail[..letters] {
            "ns" => Duration::from_nanos(number),
            "us" | "µs" => Duration::from_micros(number),
            "ms" => Duration::from_millis(number),
            "s" | "sec" => Duration::from_secs(number),
            "m" | "min" => Duration::from_secs(number.checked_mul(60)?),
            "h" => Duration::from_secs(number.checked_mul(3_600)?),
            "d" => Duration::from_secs(number.checked_mul(86_400)?),
            _ => return None,
        };
        total = total.checked_add(part)?;
        rest = tail[letters..].trim_start();
    }
    Some(total)
}

/// The first paragraph of an item's documentation, on one line.
pub(crate) fn summary(attributes: &[Attribute]) -> String {
    let text = documentation(attributes);
    text.split("\n\n").next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An item's documentation.
pub(crate) fn documentation(attributes: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        if let Meta::NameValue(meta) = &attribute.meta
            && let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &meta.value
        {
            // `split`, since an empty documentation line is an attribute with an empty text, which `lines` would drop.
            lines.extend(text.value().split('\n').map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned()));
        }
    }
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times() {
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("1h 30m"), Some(Duration::from_secs(5_400)));
        for wrong in ["", "5", "s", "2 parsecs", "-1s", "1.5s"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
