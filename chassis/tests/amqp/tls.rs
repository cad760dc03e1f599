//! TLS with a certificate authority of one's own.

use std::fs;
use std::path::Path;
use std::process::Command;

use chassis::messaging::amqp::{self, AmqpSettings, ConnectError, Identity, Tls};
use chassis::messaging::driver::Driver;
use harness::ports::Port;
use harness::rabbitmq::Broker;

use crate::kit::{send, settings, within, work_queue};

#[tokio::test]
async fn both_sides_show_certificates() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let port = Port::free();
    let broker = Broker::options()
        .config(&format!("listeners.ssl.1 = 127.0.0.1:{}", port.number()))
        .config(&format!("ssl_options.cacertfile = {}", file("authority.pem")))
        .config(&format!("ssl_options.certfile = {}", file("server.pem")))
        .config(&format!("ssl_options.keyfile = {}", file("server.key")))
        .config("ssl_options.verify = verify_peer")
        .config("ssl_options.fail_if_no_peer_cert = true")
        .start()
        .await;
    let uri =
        broker.uri().replace("amqp://", "amqps://").replace(&broker.port().to_string(), &port.number().to_string());
    let uri = uri.replace("127.0.0.1", "localhost");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();

    let error = within("an answer", amqp::connect(&settings(&uri))).await.err().unwrap();
    assert!(matches!(error, ConnectError::Tls { .. }), "an authority that is not trusted: {error}");

    let identity = Identity { certificates: read("client.pem"), key: read("client.key") };
    let tls = Tls { authorities: Some(read("authority.pem")), identity: Some(identity) };
    let driver = within("a connection", amqp::connect(&AmqpSettings { tls, ..settings(&uri) })).await.unwrap();
    driver.declare(work_queue("q")).await.unwrap();
    send(&driver, "q", "sealed").await.unwrap();
}

fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output();
        let output = output.expect("the program `openssl` is installed");
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    };
    fs::write(folder.join("server.ext"), "subjectAltName=DNS:localhost\n").unwrap();
    fs::write(folder.join("client.ext"), "extendedKeyUsage=clientAuth\n").unwrap();
    openssl("req -x509 -newkey rsa:2048 -nodes -keyout authority.key -out authority.pem -days 30 -subj /CN=authority");
    for name in ["server", "client"] {
        openssl(&format!("req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /CN=localhost"));
        openssl(&format!(
            "x509 -req -in {name}.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 30 -extfile {name}.ext -out {name}.pem"
        ));
    }
}
