//! The end of a service whose client takes its time, over HTTP/2.

use std::io::Write;
use std::sync::atomic::Ordering;

use h2::client;
use harness::eventually;
use http::Request;
use tokio::net::{TcpSocket, TcpStream};

use crate::vault::vault;

const BYTES: usize = 500_000;

/// As RFC 9113, 6.7, has it.
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0chassis!";

#[tokio::test]
async fn what_was_sent_last_arrives() {
    let (server, told) = vault().await;
    told.waits.store(true, Ordering::SeqCst);
    let address = server.address("vault");
    let socket = TcpSocket::new_v4().unwrap();
    // What is sent waits at the service.
    socket.set_recv_buffer_size(32 * 1024).unwrap();
    let stream = socket.connect(address).await.unwrap().into_std().unwrap();
    let mut beside = stream.try_clone().unwrap();
    let stream = TcpStream::from_std(stream).unwrap();
    let windows = client::Builder::new().initial_window_size(1 << 24).initial_connection_window_size(1 << 24).clone();
    let (mut requests, connection) = windows.handshake::<_, bytes::Bytes>(stream).await.unwrap();
    let mut connection = Box::pin(connection);
    let request = Request::get(format!("http://{address}/v1/files/file-{BYTES}")).body(()).unwrap();
    let (response, _) = requests.send_request(request, true).unwrap();
    let mut body = tokio::select! {
        _ = &mut connection => panic!("the connection ended"),
        response = response => response.unwrap().into_body(),
    };
    let mut got = tokio::select! {
        _ = &mut connection => panic!("the connection ended"),
        piece = body.data() => piece.unwrap().unwrap().len(),
    };
    let stopping = tokio::spawn(server.stop());
    let goodbye = eventually("it says goodbye", async || requests.clone().ready().await.is_err().then_some(()));
    tokio::select! {
        _ = &mut connection => panic!("the connection ended"),
        () = goodbye => {}
    }

    // From here on the client does nothing, until the service has sent all and has nothing more to do.
    told.gate.open();
    eventually("all was sent", async || (told.open.load(Ordering::SeqCst) == 0).then_some(())).await;
    // It has something to say before it reads on.
    beside.write_all(PING).unwrap();
    let reading = async {
        while let Some(piece) = body.data().await {
            let piece = piece.unwrap_or_else(|error| panic!("{error} after {got} bytes"));
            got += piece.len();
            body.flow_control().release_capacity(piece.len()).unwrap();
        }
    };
    let (_, ()) = tokio::join!(connection, reading);
    assert_eq!(got, BYTES);
    stopping.await.unwrap();
}
