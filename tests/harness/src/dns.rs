//! A DNS server of the test's own: dnsmasq, which knows what the test says and asks nobody else.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::{Duration, Instant};

use probe::answers;

use crate::ports::Port;
use crate::server::Server;

/// How long it may take to answer, and to end.
const LIMIT: Duration = Duration::from_secs(20);

/// A DNS server of the test's own. Dropped, it is killed.
#[derive(Debug)]
pub struct DnsServer {
    port: Port,
    log: tempfile::TempDir,
    server: Option<Server>,
}

/// What it knows.
#[derive(Debug, Clone, Default)]
pub struct Records(Vec<String>);

impl Records {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// An address of a name.
    pub fn address(mut self, name: &str, address: Ipv4Addr) -> Self {
        self.0.push(format!("--host-record={name},{address},1"));
        self
    }

    /// A service of a name, which runs at a host.
    pub fn service(mut self, name: &str, host: &str, port: u16, (priority, weight): (u16, u16)) -> Self {
        self.0.push(format!("--srv-host={name},{host},{port},{priority},{weight}"));
        self
    }
}

impl DnsServer {
    /// One that does not run yet.
    ///
    /// # Panics
    /// When no port is free.
    pub fn new() -> Self {
        Self { port: Port::free(), log: tempfile::tempdir().expect("a temporary folder"), server: None }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port.number()))
    }

    /// Knows these records from now on, and no others. Returns when it answers.
    ///
    /// # Panics
    /// When dnsmasq is not installed or does not start.
    pub async fn serve(&mut self, records: &Records) {
        self.stop().await;
        let mut command = Command::new(program());
        command.args([
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--bind-interfaces",
        ]);
        command.args(["--listen-address=127.0.0.1", "--local-ttl=1", "--pid-file=", "--user=root", "--local=/test/"]);
        command.arg(format!("--port={}", self.port.number())).args(&records.0);
        let mut server = Server::spawn(&mut command, &self.log.path().join("dnsmasq.log"));
        let start = Instant::now();
        while !answers(self.address()) {
            server.must_run("dnsmasq");
            assert!(start.elapsed() < LIMIT, "dnsmasq does not answer; its log:\n{}", server.last_words());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.server = Some(server);
    }

    /// Answers nothing any more.
    pub async fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill(LIMIT, "the killed dnsmasq").await;
        }
    }
}

impl Default for DnsServer {
    fn default() -> Self {
        Self::new()
    }
}

fn program() -> std::path::PathBuf {
    ["/usr/sbin/dnsmasq", "/usr/bin/dnsmasq", "/usr/local/sbin/dnsmasq"]
        .into_iter()
        .map(std::path::PathBuf::from)
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("dnsmasq is not installed: apt-get install dnsmasq-base"))
}

/// Whether a DNS server is there: it answers the least that can be asked (RFC 1035, 4.1), a query for the root.
mod probe {
    use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
    use std::time::Duration;

    /// Identifier, recursion desired, one question; the root, type NS, class IN.
    const QUERY: [u8; 17] = [0xc4, 0x55, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1];

    pub(super) fn answers(server: SocketAddr) -> bool {
        let Ok(socket) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) else { return false };
        let mut answer = [0; 512];
        socket.set_read_timeout(Some(Duration::from_millis(200))).is_ok()
            && socket.send_to(&QUERY, server).is_ok()
            && socket.recv(&mut answer).is_ok_and(|size| size >= 12 && answer[..2] == QUERY[..2])
    }
}
