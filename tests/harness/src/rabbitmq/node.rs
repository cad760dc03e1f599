//! What must be known of a broker's node to give it commands.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A node: where its files lie and on which ports it listens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) folder: PathBuf,
    pub(crate) name: String,
    pub(crate) amqp: u16,
    pub(crate) distribution: u16,
    pub(crate) epmd: u16,
    pub(crate) management: Option<u16>,
}

/// Debian's `/usr/sbin/rabbitmq-server` changes to the user `rabbitmq`; the scripts behind it run as anybody.
const FOLDERS: [&str; 3] = ["/usr/lib/rabbitmq/bin", "/opt/rabbitmq/sbin", "/usr/local/lib/rabbitmq/bin"];

impl Node {
    pub(crate) fn script(name: &str) -> PathBuf {
        FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists()).unwrap_or_else(|| {
            panic!("RabbitMQ is not installed (no {name} in {FOLDERS:?}): apt-get install rabbitmq-server")
        })
    }

    pub(crate) fn uri(&self, host: &str) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/{}", self.amqp, if host == "/" { "%2f" } else { host })
    }

    pub(crate) fn pid_file(&self) -> PathBuf {
        self.folder.join("broker.pid")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("log").join(format!("{}.log", self.name))
    }

    /// One of RabbitMQ's scripts with the node's surroundings, and nothing of the machine's.
    pub(crate) fn command(&self, script: &str) -> Command {
        let mut command = Command::new(Self::script(script));
        for (variable, _) in std::env::vars_os() {
            let name = variable.to_string_lossy();
            if name.starts_with("RABBITMQ_") || name.starts_with("ERL_") {
                command.env_remove(&variable);
            }
        }
        command
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .env("LC_ALL", "C.UTF-8")
            .env("RABBITMQ_NODENAME", &self.name)
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.amqp.to_string())
            .env("RABBITMQ_DIST_PORT", self.distribution.to_string())
            // Every call of rabbitmqctl is a node for as long as it lasts, and takes one of these.
            .env("RABBITMQ_CTL_DIST_PORT_MIN", "32000")
            .env("RABBITMQ_CTL_DIST_PORT_MAX", "32700")
            .env("RABBITMQ_MNESIA_BASE", self.folder.join("data"))
            .env("RABBITMQ_LOG_BASE", self.folder.join("log"))
            .env("RABBITMQ_PID_FILE", self.pid_file())
            .env("RABBITMQ_CONFIG_FILE", self.folder.join("rabbitmq.conf"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", self.folder.join("advanced.config"))
            .env("RABBITMQ_CONF_ENV_FILE", self.folder.join("rabbitmq-env.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", self.folder.join("enabled_plugins"))
            .env("RABBITMQ_PLUGINS_EXPAND_DIR", self.folder.join("plugins"))
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", self.epmd.to_string())
            .env("ERL_CRASH_DUMP_SECONDS", "0")
            .stdin(Stdio::null());
        command
    }

    /// What `rabbitmqctl` prints.
    pub(crate) async fn ctl(&self, arguments: &[&str]) -> String {
        self.try_ctl(arguments)
            .await
            .unwrap_or_else(|error| panic!("rabbitmqctl {} failed: {error}", arguments.join(" ")))
    }

    pub(crate) async fn try_ctl(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = tokio::process::Command::from(self.command("rabbitmqctl"));
        command.arg("--quiet").args(arguments).kill_on_drop(true);
        let output = tokio::time::timeout(Duration::from_secs(60), command.output())
            .await
            .map_err(|_| "no answer in 60 s".to_owned())?
            .map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            Ok(text)
        } else {
            Err(format!("{}\n{}{}", output.status, text, String::from_utf8_lossy(&output.stderr)))
        }
    }
}
