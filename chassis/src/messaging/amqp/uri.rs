//! Broker URIs: read strictly, shown without user and password.

use std::fmt;

use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use percent_encoding::percent_decode_str;
use url::Url;

/// Where one broker is. Its `Display` and `Debug` carry neither user nor password.
#[derive(Clone)]
pub(super) struct Endpoint {
    uri: AMQPUri,
}

impl Endpoint {
    /// Reads a URI; the error says what is wrong and never repeats the URI.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("{error}; write amqp://user:password@host:5672/vhost"))?;
        let scheme = match url.scheme() {
            "amqp" => AMQPScheme::AMQP,
            "amqps" => AMQPScheme::AMQPS,
            other => return Err(format!("the scheme is `{other}`; write amqp:// or amqps://")),
        };
        let host = match url.host_str() {
            Some(host) if !host.is_empty() => host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            _ => return Err("it has no host; write amqp://user:password@host:5672/vhost".to_owned()),
        };
        if url.query().is_some() || url.fragment().is_some() {
            return Err(
                "what follows `?` or `#` is not read; set heartbeat, time-outs and TLS in the settings".to_owned()
            );
        }
        let username = decode(url.username(), "user")?;
        let password = decode(url.password().unwrap_or_default(), "password")?;
        let anonymous = username.is_empty() && password.is_empty();
        let port = url.port().unwrap_or(match scheme {
            AMQPScheme::AMQP => 5672,
            AMQPScheme::AMQPS => 5671,
        });
        Ok(Self {
            uri: AMQPUri {
                vhost: vhost(url.path())?,
                scheme,
                authority: AMQPAuthority {
                    userinfo: AMQPUserInfo {
                        username: if anonymous { "guest".to_owned() } else { username },
                        password: if anonymous { "guest".to_owned() } else { password },
                    },
                    host,
                    port,
                },
                query: AMQPQueryString::default(),
            },
        })
    }

    pub(super) fn host(&self) -> &str {
        &self.uri.authority.host
    }

    pub(super) fn port(&self) -> u16 {
        self.uri.authority.port
    }

    pub(super) fn vhost(&self) -> &str {
        &self.uri.vhost
    }

    pub(super) fn is_tls(&self) -> bool {
        self.uri.scheme == AMQPScheme::AMQPS
    }

    /// The URI as lapin takes it.
    pub(super) fn with_heartbeat(&self, seconds: u16) -> AMQPUri {
        let mut uri = self.uri.clone();
        uri.query.heartbeat = Some(seconds);
        uri
    }
}

/// An absent virtual host and an empty one are the default one, `/`.
fn vhost(path: &str) -> Result<String, String> {
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok("/".to_owned());
    }
    if path.contains('/') {
        return Err("the virtual host contains `/`; write it as %2f".to_owned());
    }
    let vhost = decode(path, "virtual host")?;
    if vhost.len() > 255 {
        return Err("the virtual host is longer than 255 bytes".to_owned());
    }
    Ok(vhost)
}

fn decode(text: &str, what: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    Ok(decoded.map_err(|_| format!("the {what} is not UTF-8 once %-decoded"))?.into_owned())
}

/// `text` as it may be shown: nothing of it where it can't be read.
pub(super) fn masked(text: &str) -> String {
    match Endpoint::parse(text) {
        Ok(endpoint) => endpoint.to_string(),
        Err(_) => "(unreadable URI)".to_owned(),
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vhost = self.uri.vhost.replace('/', "%2f");
        write!(f, "{}://***@{}:{}/{vhost}", self.uri.scheme, self.host(), self.port())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_and_percent_decoded() {
        let endpoint = Endpoint::parse("amqps://us%40er:pa%2fss@rabbit.example/a%2fb").unwrap();
        assert_eq!((endpoint.host(), endpoint.port(), endpoint.vhost()), ("rabbit.example", 5671, "a/b"));
        assert_eq!(endpoint.uri.authority.userinfo.username, "us@er");
        assert_eq!(endpoint.uri.authority.userinfo.password, "pa/ss");
        assert!(endpoint.is_tls());
    }

    #[test]
    fn an_absent_virtual_host_is_the_default_one() {
        for uri in ["amqp://localhost", "amqp://localhost/", "amqp://localhost/%2f"] {
            assert_eq!(Endpoint::parse(uri).unwrap().vhost(), "/", "{uri}");
        }
    }

    #[test]
    fn user_and_password_are_never_shown() {
        let shown = format!("{0} {0:?}", Endpoint::parse("amqp://alice:hunter2@broker:5672/shop").unwrap());
        assert_eq!(shown, "amqp://***@broker:5672/shop amqp://***@broker:5672/shop");
        assert_eq!(masked("amqp//alice:hunter2@broker"), "(unreadable URI)");
    }

    #[test]
    fn errors_say_what_to_write_and_repeat_nothing() {
        for (uri, expected) in [
            ("http://alice:hunter2@broker", "write amqp:// or amqps://"),
            ("amqp://alice:hunter2@broker/a/b", "%2f"),
            ("amqp://alice:hunter2@broker/?heartbeat=5", "settings"),
            ("amqp://", "no host"),
            ("hunter2", "write amqp://"),
        ] {
            let error = Endpoint::parse(uri).unwrap_err();
            assert!(error.contains(expected) && !error.contains("hunter2"), "{uri}: {error}");
        }
    }
}
