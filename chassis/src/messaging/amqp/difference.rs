//! In what a queue or exchange that exists differs from what is declared.

use std::fmt;

use lapin::types::{AMQPValue, FieldTable};

use crate::messaging::driver::QueueRole;

/// One field that differs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    /// Such as `x-queue-type`, or `type` of an exchange.
    pub(super) field: String,
    declared: Value,
    found: Value,
}

/// What a field says.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    None,
    /// An argument of a type that is known here.
    Argument(AMQPValue),
    /// The broker's words for anything else.
    Other(String),
}

impl Difference {
    /// Reads the broker's words: `inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received the value 'quorum' of type
    /// 'longstr' but current is none`.
    pub(super) fn read(words: &str) -> Option<Self> {
        let (field, rest) = words.split_once("inequivalent arg '")?.1.split_once('\'')?;
        let (declared, found) = rest.rsplit_once("received ")?.1.split_once(" but current is ")?;
        Some(Self { field: field.to_owned(), declared: Value::read(declared), found: Value::read(found) })
    }

    /// Makes `arguments` say what was found; `false` where that can't be said.
    pub(super) fn adopt(&self, arguments: &mut FieldTable) -> bool {
        let mut others: FieldTable = FieldTable::default();
        for (name, value) in arguments.inner() {
            if name.as_str() != self.field {
                others.insert(name.clone(), value.clone());
            }
        }
        match &self.found {
            Value::None => {}
            Value::Argument(value) => {
                others.insert(self.field.as_str().into(), value.clone());
            }
            Value::Other(_) => return false,
        }
        *arguments = others;
        true
    }

    /// Whether a queue of this role keeps all its promises all the same: nothing is lost, and nothing comes in another order.
    pub(super) fn is_harmless(&self, role: QueueRole) -> bool {
        match self.field.as_str() {
            // Where `x-overflow` is as declared, a queue that is full refuses, and its publishers keep what they have.
            "x-max-length" | "x-max-length-bytes" | "x-max-in-memory-length" | "x-max-in-memory-bytes" => true,
            "x-queue-leader-locator" | "x-quorum-initial-group-size" | "x-queue-mode" | "x-queue-version" => true,
            // Only a backstop, beyond which a message is parked. Parked messages themselves would be dropped.
            "x-delivery-limit" => role != QueueRole::Parking,
            _ => false,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {} where {} is declared", self.field, self.found, self.declared)
    }
}

impl Value {
    fn read(words: &str) -> Self {
        if words == "none" {
            return Self::None;
        }
        let argument = || {
            let (value, kind) = words.strip_prefix("the value '")?.rsplit_once("' of type '")?;
            Some(match kind.strip_suffix('\'')? {
                "longstr" => AMQPValue::LongString(value.into()),
                "bool" => AMQPValue::Boolean(value.parse().ok()?),
                "short" => AMQPValue::ShortInt(value.parse().ok()?),
                "signedint" => AMQPValue::LongInt(value.parse().ok()?),
                "long" => AMQPValue::LongLongInt(value.parse().ok()?),
                _ => return None,
            })
        };
        argument().map_or_else(|| Self::Other(words.trim_matches('\'').to_owned()), Self::Argument)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("not set"),
            Self::Argument(AMQPValue::LongString(text)) => write!(f, "`{}`", String::from_utf8_lossy(text.as_bytes())),
            Self::Argument(AMQPValue::Boolean(value)) => write!(f, "`{value}`"),
            Self::Argument(AMQPValue::ShortInt(value)) => write!(f, "`{value}`"),
            Self::Argument(AMQPValue::LongInt(value)) => write!(f, "`{value}`"),
            Self::Argument(AMQPValue::LongLongInt(value)) => write!(f, "`{value}`"),
            Self::Argument(other) => write!(f, "`{other:?}`"),
            Self::Other(words) => write!(f, "`{words}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &str = "PRECONDITION_FAILED - inequivalent arg";

    #[test]
    fn what_differs_is_read_from_the_brokers_words() {
        let words = format!(
            "{PREFIX} 'x-queue-type' for queue 'received none' in vhost '/': received the value 'quorum' of type 'longstr' but \
             current is none"
        );
        let difference = Difference::read(&words).unwrap();
        assert_eq!(difference.to_string(), "`x-queue-type` is not set where `quorum` is declared");
        let words = format!("{PREFIX} 'type' for exchange 'e' in vhost '/': received 'direct' but current is 'topic'");
        let difference = Difference::read(&words).unwrap();
        assert_eq!(difference.to_string(), "`type` is `topic` where `direct` is declared");
        assert_eq!(Difference::read("PRECONDITION_FAILED - something else"), None);
    }

    #[test]
    fn what_was_found_is_adopted() {
        let found = |words: &str| {
            Difference::read(&format!(
                "{PREFIX} 'x-delivery-limit' for queue 'q' in vhost '/': received none but current is {words}"
            ))
        };
        let mut arguments = FieldTable::default();
        arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
        assert!(found("the value '20' of type 'signedint'").unwrap().adopt(&mut arguments));
        assert_eq!(arguments.inner().len(), 2);
        assert_eq!(arguments.inner().get("x-delivery-limit"), Some(&AMQPValue::LongInt(20)));
        assert!(found("none").unwrap().adopt(&mut arguments));
        assert_eq!(arguments.inner().len(), 1);
        assert!(!found("the value '1.5' of type 'double'").unwrap().adopt(&mut arguments));
    }

    #[test]
    fn a_limit_of_deliveries_loses_only_what_is_parked() {
        let words =
            format!("{PREFIX} 'x-delivery-limit' for queue 'q' in vhost '/': received none but current is none");
        let difference = Difference::read(&words).unwrap();
        assert!(difference.is_harmless(QueueRole::Work));
        assert!(!difference.is_harmless(QueueRole::Parking));
    }
}
