//! The headers of a message.

use std::borrow::Cow;
use std::fmt;
use std::ops::Index;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

type Text = Cow<'static, str>;

/// Headers with text values, in the order of their names.
///
/// There are few of them, most by names that a program has as constants: kept in one piece and with names that need not be
/// copied, they cost a message a third of what a map of strings does.
///
/// ```
/// use chassis::messaging::Headers;
///
/// let mut headers = Headers::from([("x-tenant", "north")]);
/// headers.insert("x-number", 7.to_string());
/// assert_eq!(headers.get("x-tenant"), Some("north"));
/// assert_eq!(headers.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["x-number", "x-tenant"]);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(Text, Text)>);

impl Headers {
    /// None yet, with room for `capacity` of them.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// The value under a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name).ok().and_then(|index| self.0.get(index)).map(|(_, value)| &**value)
    }

    /// Whether there is a value under a name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.find(name).is_ok()
    }

    /// Sets the value under a name, whatever it was.
    pub fn insert(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, str>>) {
        let (name, value) = (name.into(), value.into());
        // Most come in their order.
        if self.0.last().is_none_or(|(last, _)| *last < name) {
            self.0.push((name, value));
            return;
        }
        match self.find(&name) {
            Ok(index) => self.0[index].1 = value,
            Err(index) => self.0.insert(index, (name, value)),
        }
    }

    /// Takes the value under a name out.
    pub fn remove(&mut self, name: &str) -> Option<Cow<'static, str>> {
        self.find(name).ok().map(|index| self.0.remove(index).1)
    }

    /// Keeps those of which `keep` says so, given name and value.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        self.0.retain(|(name, value)| keep(name, value));
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| (**other).cmp(name))
    }
}

impl Index<&str> for Headers {
    type Output = Cow<'static, str>;

    /// # Panics
    /// When there is no value under that name.
    fn index(&self, name: &str) -> &Cow<'static, str> {
        let index = self.find(name).unwrap_or_else(|_| panic!("no header `{name}`"));
        &self.0[index].1
    }
}

impl<N: Into<Cow<'static, str>>, V: Into<Cow<'static, str>>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        let headers = headers.into_iter();
        let mut all = Self::with_capacity(headers.size_hint().0);
        headers.for_each(|(name, value)| all.insert(name, value));
        all
    }
}

impl<N: Into<Cow<'static, str>>, V: Into<Cow<'static, str>>, const COUNT: usize> From<[(N, V); COUNT]> for Headers {
    fn from(headers: [(N, V); COUNT]) -> Self {
        headers.into_iter().collect()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("headers with text values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut headers = Headers::default();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    headers.insert(name, value);
                }
                Ok(headers)
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// They are what a map of strings is, in memory and as JSON.
        #[test]
        fn they_are_a_map(steps in prop::collection::vec(("[a-c]{1,2}", "[x-z]{0,2}", 0..4), 0..40)) {
            let (mut headers, mut map) = (Headers::default(), BTreeMap::new());
            for (name, value, step) in steps {
                if step == 0 {
                    prop_assert_eq!(headers.remove(&name).map(Cow::into_owned), map.remove(&name));
                } else {
                    headers.insert(name.clone(), value.clone());
                    map.insert(name, value);
                }
            }
            prop_assert!(headers.iter().eq(map.iter().map(|(name, value)| (name.as_str(), value.as_str()))));
            let json = serde_json::to_string(&headers).unwrap();
            prop_assert_eq!(&json, &serde_json::to_string(&map).unwrap());
            prop_assert_eq!(serde_json::from_str::<Headers>(&json).unwrap(), headers);
        }
    }
}
