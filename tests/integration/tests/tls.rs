//! Calls over TLS: whom they trust, and which HTTP the two sides agree on.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use harness::http::Client;
use harness::ports::Port;
use harness::process::{Process, Program};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Makes an authority, and a certificate of `localhost` by it.
fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output();
        let output = output.expect("the program `openssl` is installed");
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    };
    fs::write(folder.join("server.ext"), "subjectAltName=DNS:localhost\n").expect("a file");
    openssl("req -x509 -newkey rsa:2048 -nodes -keyout authority.key -out authority.pem -days 30 -subj /CN=authority");
    openssl("req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost");
    let by = "-CA authority.pem -CAkey authority.key -CAcreateserial -days 30 -extfile server.ext";
    openssl(&format!("x509 -req -in server.csr {by} -out server.pem"));
}

/// Takes TLS off in front of a port, and remembers what was agreed on; gives its port.
async fn front(folder: &Path, speaks: &[&str], upstream: u16) -> (u16, Arc<Mutex<Vec<String>>>) {
    let certificate = CertificateDer::from_pem_file(folder.join("server.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], key));
    let mut config = config.expect("a configuration of TLS");
    config.alpn_protocols = speaks.iter().map(|name| name.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let agreed = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&agreed);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
            tokio::spawn(async move {
                let Ok(mut open) = acceptor.accept(stream).await else { return };
                let name = open.get_ref().1.alpn_protocol().unwrap_or_default();
                seen.lock().expect("no panic").push(String::from_utf8_lossy(name).into_owned());
                let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)).await else { return };
                let _ = tokio::io::copy_bidirectional(&mut open, &mut server).await;
            });
        }
    });
    (port, agreed)
}

/// The two services, of which one calls the other at this address.
async fn dependent(depot: &Port, url: &str, authority: &Path, version: &str) -> (Process, Client) {
    let [caller, management] = [Port::free(), Port::free()];
    let mut process = Program::new(env!("CARGO_BIN_EXE_dependent"))
        .args(["--set", &format!("services.depot.http.listen=127.0.0.1:{}", depot.number())])
        .args(["--set", &format!("services.caller.http.listen=127.0.0.1:{}", caller.number())])
        .args(["--set", &format!("management.listen=127.0.0.1:{}", management.number())])
        .args(["--set", &format!("clients.depot.url={url}")])
        .args(["--set", &format!("clients.depot.http_version={version}")])
        .env("SSL_CERT_FILE", authority)
        .start();
    process.wait_for_line("\"ready\"").await;
    let client = Client::new(format!("http://127.0.0.1:{}", caller.number()));
    (process, client)
}

#[tokio::test]
async fn both_sides_agree_on_the_best_that_both_speak() {
    let folder = tempfile::tempdir().expect("a folder");
    certificates(folder.path());
    let authority = folder.path().join("authority.pem");
    let both: &[&str] = &["h2", "http/1.1"];
    for (speaks, version, agreed, result) in [
        (both, "auto", Some("h2"), "ok"),
        // Who speaks nothing else offers nothing.
        (both, "1.1", Some(""), "ok"),
        (both, "2", Some("h2"), "ok"),
        (&both[1..], "auto", Some("http/1.1"), "ok"),
        (&both[1..], "2", None, "unavailable"),
    ] {
        let depot = Port::free();
        let (port, seen) = front(folder.path(), speaks, depot.number()).await;
        let url = format!("https://localhost:{port}");
        let (_process, caller) = dependent(&depot, &url, &authority, version).await;
        let answer = caller.get("/ask/7").send().await.expect(200).text();
        let seen = seen.lock().expect("no panic").first().cloned();
        assert_eq!((seen.as_deref(), answer.as_str()), (agreed, result), "{speaks:?}, {version}");
    }
}

#[tokio::test]
async fn an_authority_that_nobody_trusts_is_not_trusted() {
    let [ours, theirs] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    certificates(ours.path());
    certificates(theirs.path());
    let depot = Port::free();
    let (port, seen) = front(theirs.path(), &["h2"], depot.number()).await;
    let url = format!("https://localhost:{port}");
    let (_process, caller) = dependent(&depot, &url, &ours.path().join("authority.pem"), "auto").await;
    assert_eq!(caller.get("/ask/7").send().await.expect(200).text(), "unavailable");
    assert!(seen.lock().expect("no panic").is_empty());
}
