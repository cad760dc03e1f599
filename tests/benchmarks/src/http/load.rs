//! The load: 64 connections that each send a request as soon as the last one is answered.
//!
//! Own code and not a client library, since a client that costs as much as the server would leave the server idle half
//! of the time, and an idle server pays more wake-ups per request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::pin;
use super::subject::{BODY, PATH};

const CONNECTIONS: usize = 64;

/// A load that runs until it is dropped or stopped.
pub struct Load {
    answered: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<Result<(), String>>>,
}

impl Load {
    /// Starts it on its core.
    pub fn start(address: SocketAddr) -> Self {
        let (answered, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end) = (answered.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            pin::this_thread(pin::LOAD)?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
            runtime.map_err(|error| error.to_string())?.block_on(all(address, count, end))
        });
        Self { answered, stop, thread: Some(thread) }
    }

    /// The number of requests that were answered rightly so far.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Ends it; an error if an answer was wrong or a connection broke.
    pub fn stop(mut self) -> Result<(), String> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take();
        thread.map_or(Ok(()), |thread| thread.join().unwrap_or_else(|_| Err("the load panicked".to_owned())))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

async fn all(address: SocketAddr, answered: Arc<AtomicU64>, stop: Arc<AtomicBool>) -> Result<(), String> {
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        connections.spawn(one(address, answered.clone(), stop.clone()));
    }
    while let Some(ended) = connections.join_next().await {
        ended.map_err(|error| error.to_string())??;
    }
    Ok(())
}

async fn one(address: SocketAddr, answered: Arc<AtomicU64>, stop: Arc<AtomicBool>) -> Result<(), String> {
    let said = |error: std::io::Error| format!("a connection of the load broke: {error}");
    let mut stream = TcpStream::connect(address).await.map_err(said)?;
    stream.set_nodelay(true).map_err(said)?;
    let request = format!("GET {PATH} HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let mut buffer = vec![0; 4096];
    while !stop.load(Ordering::Relaxed) {
        stream.write_all(request.as_bytes()).await.map_err(said)?;
        let mut length = 0;
        loop {
            let read = stream.read(&mut buffer[length..]).await.map_err(said)?;
            if read == 0 {
                return Err("the server closed a connection of the load".to_owned());
            }
            length += read;
            if complete(&buffer[..length])? {
                break;
            }
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Whether the whole answer is there: every subject must give the same body, so that its length is known.
fn complete(answer: &[u8]) -> Result<bool, String> {
    // Looked for from the place where it must be once all is there.
    let head = answer.len().saturating_sub(BODY + 4);
    if answer[head..].starts_with(b"\r\n\r\n") && answer.len() > BODY + 4 {
        return if answer.starts_with(b"HTTP/1.1 200") { Ok(true) } else { Err(wrong(answer)) };
    }
    if answer.len() > 2048 { Err(wrong(answer)) } else { Ok(false) }
}

fn wrong(answer: &[u8]) -> String {
    format!("a wrong answer under load: {}", String::from_utf8_lossy(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_with_its_last_byte() {
        let whole = format!("HTTP/1.1 200 OK\r\ncontent-length: {BODY}\r\n\r\n{}", "x".repeat(BODY));
        assert_eq!(complete(whole.as_bytes()), Ok(true));
        assert_eq!(complete(&whole.as_bytes()[..whole.len() - 1]), Ok(false));
        assert_eq!(complete(b"HTTP/1.1 "), Ok(false));
        let failed = whole.replace("200 OK", "503 Service Unavailable");
        assert!(complete(failed.as_bytes()).is_err());
    }
}
