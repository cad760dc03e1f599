//! A proxy in front of a server that echoes.

use std::time::Duration;

use harness::proxy::Proxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    port
}

async fn answer(stream: &mut TcpStream) -> Option<u8> {
    tokio::time::timeout(Duration::from_millis(200), stream.read_u8()).await.ok()?.ok()
}

#[tokio::test]
async fn what_is_swallowed_arrives_after_healing() {
    let proxy = Proxy::start(echo().await).await;
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).await.expect("connect");
    stream.write_u8(1).await.expect("write");
    assert_eq!(answer(&mut stream).await, Some(1));

    proxy.swallow();
    stream.write_u8(2).await.expect("nobody is told");
    let mut late = TcpStream::connect(("127.0.0.1", proxy.port())).await.expect("connections are still taken");
    late.write_u8(3).await.expect("write");
    assert_eq!(answer(&mut stream).await, None);
    assert_eq!(answer(&mut late).await, None);
    assert_eq!(proxy.connections(), 2);

    proxy.heal().await;
    assert_eq!(answer(&mut stream).await, Some(2));
    assert_eq!(answer(&mut late).await, Some(3));
}

#[tokio::test]
async fn a_cut_closes_and_refuses_until_healed() {
    let proxy = Proxy::start(echo().await).await;
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).await.expect("connect");
    stream.write_u8(1).await.expect("write");
    assert_eq!(answer(&mut stream).await, Some(1));

    proxy.cut().await;
    assert!(stream.read_u8().await.is_err(), "closed");
    assert!(TcpStream::connect(("127.0.0.1", proxy.port())).await.is_err(), "refused");

    proxy.heal().await;
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).await.expect("connect");
    stream.write_u8(4).await.expect("write");
    assert_eq!(answer(&mut stream).await, Some(4));
}

#[tokio::test]
async fn the_end_of_one_side_reaches_the_other() {
    let proxy = Proxy::start(echo().await).await;
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).await.expect("connect");
    stream.write_all(b"abc").await.expect("write");
    stream.shutdown().await.expect("finish");
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.expect("read");
    assert_eq!(all, b"abc");
    harness::eventually("the connection is gone", async || (proxy.connections() == 0).then_some(())).await;
}
