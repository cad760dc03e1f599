//! Why a connection could not be had.

use lapin::ErrorKind;

/// Why a connection could not be had. The text carries neither user nor password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// There is nothing to connect to.
    #[error("no URI of a broker is set; set one such as amqp://user:password@host:5672/vhost")]
    NoUri,
    /// A URI can't be read.
    #[error("broker URI number {position} is wrong: {reason}")]
    InvalidUri {
        /// Counted from one.
        position: usize,
        /// What is wrong, and what to write.
        reason: String,
    },
    /// User and password are not accepted.
    #[error("the broker at {uri} rejects the user name or password")]
    Credentials {
        /// The broker, masked.
        uri: String,
    },
    /// The virtual host does not exist, or the user has no access to it.
    #[error("the broker at {uri} has no virtual host `{vhost}` for this user: {detail}")]
    VirtualHost {
        /// The broker, masked.
        uri: String,
        /// The virtual host.
        vhost: String,
        /// Whether it is missing or forbidden.
        detail: &'static str,
    },
    /// The certificates don't fit.
    #[error("no TLS with the broker at {uri}: {detail}")]
    Tls {
        /// The broker, masked.
        uri: String,
        /// What does not fit.
        detail: String,
    },
    /// Nobody answers, or breaks off.
    #[error("the broker at {uri} can't be reached: {detail}")]
    Unreachable {
        /// The broker, masked.
        uri: String,
        /// What happened.
        detail: String,
    },
}

impl ConnectError {
    /// Whether it is wrong settings, which waiting does not put right.
    pub fn is_permanent(&self) -> bool {
        !matches!(self, Self::Unreachable { .. })
    }
}

/// The broker's words of a channel or connection error, without its code.
pub(super) fn words(error: &lapin::Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(error) => error.get_message().as_str().to_owned(),
        ErrorKind::InvalidConnectionState(_) => "the connection was closed".to_owned(),
        ErrorKind::InvalidChannelState(..) => "the channel was closed".to_owned(),
        _ => error.to_string(),
    }
}

/// The AMQP reply code, if the broker sent one.
pub(super) fn code(error: &lapin::Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some(error.get_id()),
        _ => None,
    }
}

/// Whether the broker has not answered in time.
pub(super) fn is_silence(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::IOError(error) if error.kind() == std::io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unreachable_broker_is_worth_waiting_for() {
        let uri = "amqp://***@broker:5672/%2f".to_owned();
        let unreachable = ConnectError::Unreachable { uri: uri.clone(), detail: "connection refused".into() };
        assert!(!unreachable.is_permanent());
        assert!(ConnectError::Credentials { uri }.is_permanent());
        assert!(ConnectError::NoUri.is_permanent());
    }
}
