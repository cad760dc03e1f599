//! How large a message may be, over every transport.

use super::Message;
use super::driver::PublishError;

/// The largest body: 16 MiB, as RabbitMQ 4 has it.
pub const MAX_BODY: usize = 16 * 1024 * 1024;

/// The most that properties and headers may take: 32 KiB. They must fit one frame; larger ones tear down the connection.
pub const MAX_HEADERS: usize = 32 * 1024;

/// What a header takes on the wire beside its name and value.
const HEADER_OVERHEAD: usize = 6;

/// Checks the size of a message before anything of it is sent.
///
/// # Errors
/// [`PublishError::TooLarge`].
pub fn check(message: &Message) -> Result<(), PublishError> {
    let too_large = |what, size, limit| Err(PublishError::TooLarge { what, size, limit });
    let headers = headers_size(message);
    if headers > MAX_HEADERS {
        return too_large("headers", headers, MAX_HEADERS);
    }
    let body = message.body.len();
    if body > MAX_BODY { too_large("body", body, MAX_BODY) } else { Ok(()) }
}

fn headers_size(message: &Message) -> usize {
    let Message { app_id, content_type, correlation_id, reply_to, .. } = message;
    let optional = [app_id.as_deref(), content_type.as_deref(), correlation_id.as_deref(), reply_to.as_deref()];
    let properties =
        optional.into_iter().flatten().map(str::len).sum::<usize>() + message.id.len() + message.kind.len();
    message.headers.iter().map(|(name, value)| name.len() + value.len() + HEADER_OVERHEAD).sum::<usize>() + properties
}
