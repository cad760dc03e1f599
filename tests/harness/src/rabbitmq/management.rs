//! The few calls of the management API that the harness makes.

use std::io::{Read, Write};
use std::time::Duration;

use super::broker::connected;

/// Sends a request and gives status and body. Blocking, since destructors need it too.
pub(crate) fn call(port: u16, method: &str, path: &str) -> Result<(u16, String), String> {
    let mut stream = connected(port).ok_or("the management API does not answer")?;
    let said = |error: std::io::Error| format!("{method} {path}: {error}");
    stream.set_read_timeout(Some(Duration::from_secs(30))).map_err(said)?;
    // Z3Vlc3Q6Z3Vlc3Q= is guest:guest.
    let request = format!(
        "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n\
         Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    stream.write_all(request.as_bytes()).map_err(said)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(said)?;
    let status = answer.split_whitespace().nth(1).and_then(|word| word.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    status.zip(body).ok_or_else(|| format!("{method} {path}: no HTTP answer but `{answer}`"))
}
