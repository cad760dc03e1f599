use schemars::JsonSchema;
use serde::Deserialize;

/// Which HTTP a client speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum HttpVersion {
    /// HTTP/2 where `https` agrees on it, otherwise HTTP/1.1; always HTTP/1.1 where instances are called by their own
    /// addresses (`endpoints`, `endpoints_file`, `resolve`).
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// HTTP/1.1, with a connection for each call that is under way.
    #[serde(rename = "1.1")]
    Http1,
    /// HTTP/2, with one connection for all calls of an instance; for `http` too, where the other side must know it beforehand.
    #[serde(rename = "2")]
    Http2,
}

impl HttpVersion {
    /// Its name in the configuration.
    #[cfg(feature = "client")]
    pub(in crate::client) fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Http1 => "1.1",
            Self::Http2 => "2",
        }
    }
}
