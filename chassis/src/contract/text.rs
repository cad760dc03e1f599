//! Values as plain text: path parameters, headers and ordering keys.
//!
//! Whatever serde writes as a text, a number, a truth value or a unit variant has such a form; structures have not.

use serde::de::value::{Error as TextError, StrDeserializer};
use serde::de::{self, DeserializeOwned, EnumAccess, IntoDeserializer, Visitor};
use serde::{Deserializer, Serialize, forward_to_deserialize_any};
use serde_json::Value;

/// The text form of a value; `None` for an absent one.
///
/// # Errors
/// When the value is a structure.
pub(crate) fn write<T: Serialize + ?Sized>(value: &T) -> Result<Option<String>, &'static str> {
    match serde_json::to_value(value) {
        Ok(Value::Null) => Ok(None),
        Ok(Value::String(text)) => Ok(Some(text)),
        Ok(Value::Number(number)) => Ok(Some(number.to_string())),
        Ok(Value::Bool(truth)) => Ok(Some(truth.to_string())),
        Ok(Value::Array(_) | Value::Object(_)) => Err("a structure has no form as plain text"),
        Err(_) => Err("it cannot be written"),
    }
}

/// Reads a value from its text form; `None` is an absent one.
///
/// # Errors
/// What was expected. It may repeat the text, so it is not for the world.
pub(crate) fn read<T: DeserializeOwned>(text: Option<&str>) -> Result<T, TextError> {
    T::deserialize(Text(text))
}

struct Text<'a>(Option<&'a str>);

impl<'a> Text<'a> {
    fn text(&self) -> Result<&'a str, TextError> {
        self.0.ok_or_else(|| de::Error::custom("is missing"))
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $type:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
            let text = self.text()?;
            match text.parse::<$type>() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(de::Error::invalid_type(de::Unexpected::Str(text), &visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = TextError;

    parsed! {
        deserialize_bool visit_bool bool;
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_i128 visit_i128 i128;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_u128 visit_u128 u128;
        deserialize_f32 visit_f32 f32;
        deserialize_f64 visit_f64 f64;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        if self.0.is_some() { visitor.visit_some(self) } else { visitor.visit_none() }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, TextError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TextError> {
        let name: StrDeserializer<'_, TextError> = self.text()?.into_deserializer();
        visitor.visit_enum(Variant(name))
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Variant<'a>(StrDeserializer<'a, TextError>);

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = TextError;
    type Variant = <StrDeserializer<'a, TextError> as EnumAccess<'de>>::Variant;

    fn variant_seed<S: de::DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), TextError> {
        self.0.variant_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sku(String);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Size {
        VeryLarge,
    }

    fn there_and_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: T, text: Option<&str>) {
        assert_eq!(write(&value).expect("has a text form").as_deref(), text);
        assert_eq!(read::<T>(text), Ok(value));
    }

    #[test]
    fn reads_what_it_writes() {
        there_and_back(Sku("12".into()), Some("12"));
        there_and_back(12_u32, Some("12"));
        there_and_back(-1_i64, Some("-1"));
        there_and_back(true, Some("true"));
        there_and_back(Size::VeryLarge, Some("very_large"));
        there_and_back(Some(Sku("a/b".into())), Some("a/b"));
        there_and_back(None::<u32>, None);
    }

    #[test]
    fn refuses_what_it_cannot() {
        assert!(read::<u32>(Some("twelve")).is_err());
        assert!(read::<Sku>(None).is_err());
        assert!(read::<Size>(Some("small")).is_err());
        assert!(read::<Vec<u8>>(Some("1")).is_err());
        assert!(write(&[1, 2]).is_err());
    }
}
