use std::fmt;

use super::Origin;

pub(super) const UNKNOWN_KEY: &str = "is not a known key";

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Fault {
    /// The dotted key; empty when it is about a file as a whole.
    pub key: String,
    /// What is wrong; never with the value of a secret.
    pub message: String,
    /// Where the value stands.
    pub origin: Option<Origin>,
    /// The way out, where there is an obvious one.
    pub hint: Option<String>,
}

impl Fault {
    /// Whether it is about a key that nobody reads.
    pub(super) fn is_unknown_key(&self) -> bool {
        self.message == UNKNOWN_KEY
    }

    /// Says where the value stands.
    pub fn at(&mut self, origin: Option<Origin>) -> &mut Self {
        self.origin = origin;
        self
    }

    /// Says what to do about it.
    pub fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Everything that is wrong with the configuration. Its `Display` is the report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds a fault. The key is relative to the section that is being checked.
    pub fn add(&mut self, key: impl Into<String>, message: impl Into<String>) -> &mut Fault {
        self.0.push(Fault { key: key.into(), message: message.into(), origin: None, hint: None });
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    /// Takes over those of `other` that are not here already.
    pub fn merge(&mut self, other: Self) {
        for fault in other.0 {
            if !self.0.contains(&fault) {
                self.0.push(fault);
            }
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How much is wrong.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The faults one by one.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Fault> {
        self.0.iter_mut()
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&Fault) -> bool) {
        self.0.retain(keep);
    }

    pub(super) fn sort(&mut self) {
        self.0.sort();
    }

    /// `value`, unless something is wrong.
    ///
    /// # Errors
    /// Itself.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.len() {
            1 => f.write_str("the configuration has 1 fault:")?,
            count => write!(f, "the configuration has {count} faults:")?,
        }
        for fault in &self.0 {
            f.write_str("\n  ")?;
            if !fault.key.is_empty() {
                write!(f, "{}: ", fault.key)?;
            }
            f.write_str(&fault.message)?;
            if let Some(origin) = &fault.origin {
                write!(f, "\n      at {origin}")?;
            }
            if let Some(hint) = &fault.hint {
                write!(f, "\n      {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
