//! Path templates: `/stock/{sku}`.

use syn::LitStr;

use crate::diagnostics::Diagnostics;

/// A checked path template.
#[derive(Clone)]
pub(crate) struct PathTemplate {
    /// As the user wrote it.
    pub(crate) literal: LitStr,
    /// What stands between the slashes.
    pub(crate) segments: Vec<Segment>,
}

/// What stands between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Fixed text.
    Literal(String),
    /// `{name}`: one segment of any text.
    Parameter(String),
    /// `{*name}`: all that follows.
    Rest(String),
}

impl PathTemplate {
    /// Checks a template. Faults are noted, and what could be understood is returned all the same.
    pub(crate) fn parse(literal: &LitStr, faults: &mut Diagnostics) -> Self {
        let text = literal.value();
        let Some(tail) = text.strip_prefix('/') else {
            faults.error(literal, format!("a path starts with a slash: write \"/{text}\""));
            return Self { literal: literal.clone(), segments: Vec::new() };
        };
        if let Some(bad) = text.chars().find(|c| matches!(c, '?' | '#') || c.is_whitespace() || c.is_control()) {
            faults.error(
                literal,
                format!("{bad:?} cannot stand in a path; what comes after `?` is declared as a query argument instead"),
            );
        }
        let mut segments: Vec<Segment> = Vec::new();
        let parts: Vec<&str> = if tail.is_empty() { Vec::new() } else { tail.split('/').collect() };
        for (index, part) in parts.iter().enumerate() {
            match Segment::parse(part) {
                Ok(segment) => {
                    if let Some(name) = segment.name()
                        && segments.iter().any(|earlier| earlier.name() == Some(name))
                    {
                        faults.error(literal, format!("the path has the parameter `{name}` twice"));
                    }
                    if matches!(segment, Segment::Rest(_)) && index + 1 < parts.len() {
                        faults.error(literal, format!("`{part}` takes all that follows, so it comes last"));
                    }
                    segments.push(segment);
                }
                Err(message) => faults.error(literal, message),
            }
        }
        Self { literal: literal.clone(), segments }
    }

    /// The names of the parameters, in order.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(Segment::name)
    }

    /// The template with its parameters' names removed: two routes with the same shape answer the same requests.
    pub(crate) fn shape(&self) -> String {
        let mut shape = String::new();
        for segment in &self.segments {
            shape.push('/');
            shape.push_str(match segment {
                Segment::Literal(text) => text,
                Segment::Parameter(_) => "{}",
                Segment::Rest(_) => "{*}",
            });
        }
        shape
    }
}

impl Segment {
    /// The parameter's name.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Parameter(name) | Self::Rest(name) => Some(name),
        }
    }

    fn parse(part: &str) -> Result<Self, String> {
        if part.is_empty() {
            return Err("the path has an empty segment: remove the doubled or trailing slash".into());
        }
        if let Some(name) = part.strip_prefix(':') {
            return Err(format!("a path parameter is written in braces: `{{{name}}}` instead of `:{name}`"));
        }
        let Some(inner) = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            if part.contains(['{', '}']) {
                return Err(format!(
                    "a path parameter is a whole segment in braces, such as `{{id}}`; this is `{part}`"
                ));
            }
            return Ok(Self::Literal(part.to_owned()));
        };
        let (name, rest) = inner.strip_prefix('*').map_or((inner, false), |name| (name, true));
        if syn::parse_str::<syn::Ident>(name).is_err() {
            return Err(format!(
                "`{name}` cannot name a path parameter: write a name as of an argument, such as `{{id}}`"
            ));
        }
        Ok(if rest { Self::Rest(name.to_owned()) } else { Self::Parameter(name.to_owned()) })
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    fn parse(text: &str) -> (Vec<Segment>, String) {
        let mut faults = Diagnostics::default();
        let path = PathTemplate::parse(&LitStr::new(text, Span::call_site()), &mut faults);
        (path.segments, faults.into_tokens().to_string())
    }

    #[test]
    fn takes_templates_apart() {
        let (segments, faults) = parse("/stock/{sku}/{*rest}");
        assert_eq!(
            segments,
            [Segment::Literal("stock".into()), Segment::Parameter("sku".into()), Segment::Rest("rest".into())]
        );
        assert_eq!(faults, "");
        assert_eq!(parse("/"), (vec![], String::new()));
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, part) in [
            ("stock", "starts with a slash"),
            ("/stock/", "empty segment"),
            ("/:sku", "in braces"),
            ("/a{b}", "whole segment"),
            ("/{a b}", "cannot stand in a path"),
            ("/{a-b}", "cannot name"),
            ("/{a}/{a}", "twice"),
            ("/{*a}/b", "comes last"),
            ("/a?b", "query argument"),
        ] {
            assert!(parse(text).1.contains(part), "{text}: {}", parse(text).1);
        }
    }
}
