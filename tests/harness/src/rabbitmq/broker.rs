//! A broker of one's own.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::sync::Mutex;

use super::node::Node;
use super::{NODE_VARIABLE, URI_VARIABLE};
use crate::guard::Folder;
use crate::ports::Port;
use crate::server::Server;

/// How long a broker may take to start; a loaded machine takes ten seconds, an idle one four.
const START: Duration = Duration::from_secs(120);
const STOP: Duration = Duration::from_secs(60);

/// What a broker is started with.
#[derive(Debug, Clone, Default)]
pub struct Options {
    management: bool,
    plugins: Vec<String>,
    config: String,
}

impl Options {
    /// Starts the management plugin too: [`Broker::management`].
    #[must_use]
    pub fn management(mut self) -> Self {
        self.management = true;
        self
    }

    /// Starts a plugin too, such as `rabbitmq_prometheus`.
    #[must_use]
    pub fn plugin(mut self, name: &str) -> Self {
        self.plugins.push(name.to_owned());
        self
    }

    /// Adds a line to `rabbitmq.conf`, such as `heartbeat = 2`.
    #[must_use]
    pub fn config(mut self, line: &str) -> Self {
        self.config.push_str(line);
        self.config.push('\n');
        self
    }

    /// Starts the broker and waits until it answers.
    pub async fn start(self) -> Broker {
        Broker::launch(self).await
    }
}

/// A RabbitMQ broker of the test's own: own node, ports and data. Dropped, it is killed and its data removed.
#[derive(Debug)]
pub struct Broker {
    node: Node,
    server: Mutex<Option<Server>>,
    // Erlang's name server; beside the broker, since a daemon that the first node starts would outlive everything.
    _epmd: Server,
    _ports: Vec<Port>,
    _folder: Folder,
}

impl Broker {
    /// Starts a broker with the broker's own defaults and waits until it answers.
    pub async fn start() -> Self {
        Self::launch(Options::default()).await
    }

    /// A broker with more than the defaults: `Broker::options().config("heartbeat = 2").start().await`.
    pub fn options() -> Options {
        Options::default()
    }

    async fn launch(options: Options) -> Self {
        // Before anything else, since it says what to install.
        Node::script("rabbitmq-server");
        let folder = Folder::new("rabbitmq");
        let ports: Vec<Port> = (0..4).map(|_| Port::free()).collect();
        let node = Node {
            folder: folder.path().to_owned(),
            name: format!("test{}@localhost", ports[0].number()),
            amqp: ports[0].number(),
            distribution: ports[1].number(),
            epmd: ports[2].number(),
            management: options.management.then(|| ports[3].number()),
        };
        write_files(&node, &options);
        let epmd = start_epmd(&node);
        let broker = Self { node, server: Mutex::new(None), _epmd: epmd, _ports: ports, _folder: folder };
        broker.restart().await;
        broker
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    /// The URI of the virtual host `/`, with user and password.
    pub fn uri(&self) -> String {
        self.node.uri("/")
    }

    /// The URI of a virtual host.
    pub fn uri_of(&self, virtual_host: &str) -> String {
        self.node.uri(virtual_host)
    }

    /// The port of AMQP, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.node.amqp
    }

    /// The address of the management API, if it was asked for; user and password are `guest`.
    pub fn management(&self) -> Option<String> {
        self.node.management.map(|port| format!("http://127.0.0.1:{port}"))
    }

    /// The folder with its data, logs and settings.
    pub fn folder(&self) -> &Path {
        &self.node.folder
    }

    /// The process of the broker itself (not of the script that started it).
    pub fn process_id(&self) -> Option<u32> {
        fs::read_to_string(self.node.pid_file()).ok()?.trim().parse().ok()
    }

    /// Adds a virtual host and gives its URI.
    pub async fn add_virtual_host(&self, name: &str) -> String {
        let add = format!(
            "rabbit_vhost:add(<<\"{name}\">>, <<\"test\">>), \
             rabbit_auth_backend_internal:set_permissions(<<\"guest\">>, <<\"{name}\">>, <<\".*\">>, <<\".*\">>, <<\".*\">>, <<\"test\">>)."
        );
        self.eval(&add).await;
        self.node.uri(name)
    }

    /// What `rabbitmqctl ARGUMENTS` prints; panics if it fails. Takes about half a second.
    pub async fn ctl(&self, arguments: &[&str]) -> String {
        self.node.ctl(arguments).await
    }

    /// What `rabbitmqctl ARGUMENTS` prints, or says when it fails.
    pub async fn try_ctl(&self, arguments: &[&str]) -> Result<String, String> {
        self.node.try_ctl(arguments).await
    }

    /// Its version, such as `3.10.8`: whatever the machine's packages have is used.
    pub async fn version(&self) -> String {
        self.ctl(&["version"]).await.trim().to_owned()
    }

    /// The value of an Erlang expression in the broker.
    pub async fn eval(&self, expression: &str) -> String {
        self.ctl(&["eval", expression]).await
    }

    /// Closes all connections, as an operator would.
    pub async fn close_all_connections(&self, reason: &str) {
        self.ctl(&["close_all_connections", reason]).await;
    }

    /// Whether it runs.
    pub async fn is_running(&self) -> bool {
        self.server.lock().await.as_mut().is_some_and(|server| server.ended().is_none())
    }

    /// Kills it at once (SIGKILL), as if the machine had lost power but for what the disk already has.
    pub async fn kill(&self) {
        if let Some(mut server) = self.server.lock().await.take() {
            server.kill(STOP, "the killed broker").await;
        }
    }

    /// Stops it in order (SIGTERM) and waits for its end.
    pub async fn stop(&self) {
        if let Some(mut server) = self.server.lock().await.take() {
            server.signal(Signal::TERM);
            server.wait(STOP, "the stopped broker").await;
        }
    }

    /// Starts it again on the same ports and data, after [`kill`](Self::kill) or [`stop`](Self::stop), which it does
    /// itself where it has not been done. Returns when it answers.
    pub async fn restart(&self) {
        self.stop().await;
        let start = Instant::now();
        while connected(self.node.amqp).is_some() || connected(self.node.distribution).is_some() {
            assert!(start.elapsed() < STOP, "the broker that ended still holds its ports");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut guarded = self.server.lock().await;
        let _ = fs::remove_file(self.node.pid_file());
        let mut server = Server::spawn(&mut self.node.command("rabbitmq-server"), &self.folder().join("output.log"));
        while !self.answers() {
            server.must_run("the broker");
            assert!(start.elapsed() < START, "the broker does not answer; its log:\n{}", server.last_words());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        *guarded = Some(server);
    }

    /// The broker's own log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.node.log()).unwrap_or_default()
    }

    /// The variables by which the processes of a test run find this broker.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        let file = self.folder().join("node.json");
        [(URI_VARIABLE, self.uri()), (NODE_VARIABLE, file.display().to_string())]
    }

    fn answers(&self) -> bool {
        speaks_amqp(self.node.amqp) && self.node.management.is_none_or(|port| connected(port).is_some())
    }
}

fn write_files(node: &Node, options: &Options) {
    let mut config = String::from(
        "loopback_users = none\nlog.file.level = info\nlog.console = false\ndisk_free_limit.absolute = 50MB\n",
    );
    if let Some(port) = node.management {
        config.push_str(&format!("management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {port}\n"));
    }
    config.push_str(&options.config);
    let mut plugins = options.plugins.clone();
    if options.management {
        plugins.push("rabbitmq_management".to_owned());
    }
    let description = serde_json::to_string(node).expect("a node as JSON");
    let files: [(&str, &str); 7] = [
        ("rabbitmq.conf", &config),
        ("advanced.config", "[].\n"),
        ("rabbitmq-env.conf", ""),
        ("enabled_plugins", &format!("[{}].\n", plugins.join(","))),
        ("node.json", &description),
        (".erlang.cookie", &format!("{:016x}", fastrand::u64(..))),
        ("output.log", ""),
    ];
    for (name, text) in files {
        write(&node.folder.join(name), text);
    }
    let only_owner = std::os::unix::fs::PermissionsExt::from_mode(0o400);
    fs::set_permissions(node.folder.join(".erlang.cookie"), only_owner).expect("protect the cookie");
    for name in ["data", "log", "plugins"] {
        fs::create_dir(node.folder.join(name)).expect("make a folder of the broker");
    }
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}

fn start_epmd(node: &Node) -> Server {
    let mut command = Command::new(epmd());
    command.args(["-address", "127.0.0.1", "-port", &node.epmd.to_string()]).current_dir("/");
    Server::spawn(&mut command, &node.folder.join("epmd.log"))
}

fn epmd() -> PathBuf {
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&in_path)
        .chain([PathBuf::from("/usr/bin"), PathBuf::from("/usr/lib/erlang/bin")])
        .map(|folder| folder.join("epmd"))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("epmd, which comes with Erlang, is not installed: apt-get install rabbitmq-server"))
}

pub(crate) fn connected(port: u16) -> Option<TcpStream> {
    TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), Duration::from_secs(1)).ok()
}

/// Whether the protocol's first frame arrives, which is later than that the port is open.
fn speaks_amqp(port: u16) -> bool {
    let Some(mut stream) = connected(port) else { return false };
    let mut first = [0; 1];
    stream.set_read_timeout(Some(Duration::from_secs(2))).is_ok()
        && stream.write_all(b"AMQP\x00\x00\x09\x01").is_ok()
        && stream.read_exact(&mut first).is_ok()
        && first == [1]
}
