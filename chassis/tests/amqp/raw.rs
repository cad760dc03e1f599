//! A publisher that sends bytes which no library would, as those of other senders may be.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::kit::within;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const END: u8 = 0xce;

/// A channel over which every message is confirmed.
pub(crate) struct Raw(TcpStream);

/// A text of up to 255 bytes.
pub(crate) fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text].concat()
}

/// Anything that has its length in four bytes in front.
pub(crate) fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

/// A header that is a text.
pub(crate) fn text(name: &str, value: &str) -> Vec<u8> {
    [&short(name.as_bytes())[..], b"S", &sized(value.as_bytes())].concat()
}

impl Raw {
    /// Connects to the broker at a URI with user, password, port and virtual host.
    pub(crate) async fn connect(uri: &str) -> Self {
        let (user, rest) = uri.strip_prefix("amqp://").unwrap().split_once('@').unwrap();
        let (address, host) = rest.split_once('/').unwrap();
        let mut raw = Self(TcpStream::connect(address).await.unwrap());
        raw.0.write_all(b"AMQP\x00\x00\x09\x01").await.unwrap();
        raw.answer([10, 10]).await;
        let login = [&sized(b"")[..], &short(b"PLAIN"), &sized(&login(user)), &short(b"en_US")].concat();
        raw.method(0, [10, 11], &login).await;
        let tune = raw.answer([10, 30]).await;
        // Channels and frames as the broker has it, and no heartbeat.
        raw.method(0, [10, 31], &[&tune[..6], &[0, 0]].concat()).await;
        raw.method(0, [10, 40], &[&short(host.as_bytes())[..], &short(b""), &[0]].concat()).await;
        raw.answer([10, 41]).await;
        raw.method(1, [20, 10], &short(b"")).await;
        raw.answer([20, 11]).await;
        raw.method(1, [85, 10], &[0]).await;
        raw.answer([85, 11]).await;
        raw
    }

    /// Publishes to a queue, and waits until the broker has it. Of the properties `flags` says which there are.
    pub(crate) async fn publish(&mut self, queue: &str, flags: u16, properties: &[u8], body: &[u8]) {
        let to = [&[0, 0][..], &short(b""), &short(queue.as_bytes()), &[0]].concat();
        self.method(1, [60, 40], &to).await;
        let size = u64::try_from(body.len()).unwrap().to_be_bytes();
        self.frame(HEADER, 1, &[&[0, 60, 0, 0][..], &size, &flags.to_be_bytes(), properties].concat()).await;
        self.frame(BODY, 1, body).await;
        within("a confirmation", self.answer([60, 80])).await;
    }

    async fn method(&mut self, channel: u8, [class, method]: [u8; 2], arguments: &[u8]) {
        self.frame(METHOD, channel, &[&[0, class, 0, method], arguments].concat()).await;
    }

    async fn frame(&mut self, kind: u8, channel: u8, payload: &[u8]) {
        let frame = [&[kind, 0, channel][..], &sized(payload), &[END]].concat();
        self.0.write_all(&frame).await.unwrap();
    }

    /// The arguments of the method that comes next, which must be this one.
    async fn answer(&mut self, [class, method]: [u8; 2]) -> Vec<u8> {
        let mut head = [0; 7];
        self.0.read_exact(&mut head).await.unwrap();
        let size = u32::from_be_bytes([head[3], head[4], head[5], head[6]]) as usize;
        let mut payload = vec![0; size + 1];
        self.0.read_exact(&mut payload).await.unwrap();
        assert_eq!(
            (head[0], &payload[..4]),
            (METHOD, &[0, class, 0, method][..]),
            "{}",
            String::from_utf8_lossy(&payload)
        );
        payload.split_off(4)
    }
}

fn login(user: &str) -> Vec<u8> {
    let (name, password) = user.split_once(':').unwrap();
    format!("\0{name}\0{password}").into_bytes()
}
