use std::fmt;

/// What a guarded call fails with: the guard's refusal, or the error of what it guards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardError<R, E> {
    /// The guard did not let it pass.
    Refused(R),
    /// What is guarded failed.
    Inner(E),
}

impl<R, E> GuardError<R, E> {
    /// One error of both, by a conversion for each.
    pub fn into_one<T>(self, refused: impl FnOnce(R) -> T, inner: impl FnOnce(E) -> T) -> T {
        match self {
            Self::Refused(refusal) => refused(refusal),
            Self::Inner(error) => inner(error),
        }
    }
}

impl<R: fmt::Display, E: fmt::Display> fmt::Display for GuardError<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Inner(error) => error.fmt(f),
        }
    }
}

impl<R: std::error::Error, E: std::error::Error> std::error::Error for GuardError<R, E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(refusal) => refusal.source(),
            Self::Inner(error) => error.source(),
        }
    }
}

/// A rule that a policy's settings break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The setting's name.
    pub setting: &'static str,
    /// What it must be.
    pub rule: &'static str,
}

/// Settings that make no policy: every rule that they break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPolicy(Vec<Rule>);

impl InvalidPolicy {
    /// The broken rules, at least one.
    pub fn rules(&self) -> &[Rule] {
        &self.0
    }
}

impl fmt::Display for InvalidPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Rule { setting, rule }) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}`{setting}` {rule}")?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidPolicy {}

/// Collects the rules that are broken.
#[derive(Default)]
pub(super) struct Rules(Vec<Rule>);

impl Rules {
    /// Notes the rule unless it `holds`.
    pub(super) fn check(&mut self, holds: bool, setting: &'static str, rule: &'static str) {
        if !holds {
            self.0.push(Rule { setting, rule });
        }
    }

    /// The policy, if none is broken.
    pub(super) fn or<P>(self, policy: P) -> Result<P, InvalidPolicy> {
        if self.0.is_empty() { Ok(policy) } else { Err(InvalidPolicy(self.0)) }
    }
}
