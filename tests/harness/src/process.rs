//! Programs under test: their output, their signals, their deaths.
//!
//! ```no_run
//! # async fn test() {
//! use harness::process::{Program, Signal};
//!
//! let mut orders = Program::new("target/debug/shop").args(["run", "orders"]).env("CHASSIS__HTTP__PORT", "0").start();
//! let line = orders.wait_for_line("listening").await;
//! orders.signal(Signal::TERM);
//! assert!(orders.wait().await.success());
//! # }
//! ```

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{kill_process, kill_process_group};
use tokio::sync::watch;

use crate::guard;
use crate::server::pid;

pub use rustix::process::Signal;

const LIMIT: Duration = Duration::from_secs(30);

/// How a program is started.
#[derive(Debug, Clone)]
pub struct Program {
    path: OsString,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    folder: Option<PathBuf>,
}

impl Program {
    /// The program at `path`, for a binary of the same package `env!("CARGO_BIN_EXE_name")`.
    pub fn new(path: impl AsRef<OsStr>) -> Self {
        Self { path: path.as_ref().to_owned(), arguments: Vec::new(), variables: Vec::new(), folder: None }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets a variable of its environment; the rest is that of the test.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Starts it in a folder.
    #[must_use]
    pub fn directory(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Starts it, in a process group of its own.
    pub fn start(self) -> Process {
        let (child, output) = self.spawn();
        Process { program: self, child, output, ended: None }
    }

    fn spawn(&self) -> (Child, watch::Receiver<Output>) {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).envs(self.variables.iter().map(|(name, value)| (name, value)));
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        let mut child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", self.path.to_string_lossy()));
        guard::process_group(child.id());
        let (sender, receiver) = watch::channel(Output { lines: Vec::new(), open: 2 });
        let (out, err) = (child.stdout.take().expect("its output"), child.stderr.take().expect("its errors"));
        follow(out, sender.clone());
        follow(err, sender);
        (child, receiver)
    }
}

#[derive(Debug)]
struct Output {
    lines: Vec<String>,
    // Streams that have not ended yet.
    open: u8,
}

/// Threads and not tasks, so that the program never waits for a test that computes.
fn follow(stream: impl Read + Send + 'static, output: watch::Sender<Output>) {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            output.send_modify(|output| output.lines.push(text));
            line.clear();
        }
        output.send_modify(|output| output.open -= 1);
    });
}

/// A running program, or one that has ended. Dropped, it is killed with all that it started in its process group; when
/// the test has failed, the end of its output is printed.
#[derive(Debug)]
pub struct Process {
    program: Program,
    child: Child,
    output: watch::Receiver<Output>,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("ask for the state of a child process");
        }
        self.ended
    }

    /// What it has printed since its last start, output and errors, without line ends.
    pub fn lines(&self) -> Vec<String> {
        self.output.borrow().lines.clone()
    }

    /// The first line since its last start that contains `text`; waits for it at most 30 seconds.
    pub async fn wait_for_line(&mut self, text: &str) -> String {
        self.wait_for(text, LIMIT, |lines| lines.iter().find(|line| line.contains(text)).cloned()).await
    }

    /// Waits until `count` lines since its last start contain `text`, and gives them.
    pub async fn wait_for_lines(&mut self, text: &str, count: usize) -> Vec<String> {
        self.wait_for(text, LIMIT, |lines| {
            let found: Vec<String> = lines.iter().filter(|line| line.contains(text)).cloned().collect();
            (found.len() >= count).then_some(found)
        })
        .await
    }

    async fn wait_for<T>(&mut self, what: &str, limit: Duration, find: impl Fn(&[String]) -> Option<T>) -> T {
        let mut output = self.output.clone();
        let start = Instant::now();
        loop {
            let closed = {
                let now = output.borrow_and_update();
                if let Some(found) = find(&now.lines) {
                    return found;
                }
                now.open == 0
            };
            let name = self.program.path.to_string_lossy();
            assert!(!closed, "{name} ended without printing `{what}` but:\n{}", self.last_words());
            let rest = limit.saturating_sub(start.elapsed());
            let changed = tokio::time::timeout(rest, output.changed()).await;
            assert!(changed.is_ok(), "{name} did not print `{what}` in {limit:?} but:\n{}", self.last_words());
        }
    }

    fn last_words(&self) -> String {
        let output = self.output.borrow();
        output.lines[output.lines.len().saturating_sub(60)..].join("\n")
    }

    /// Signals the program, and not what it has started.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            let _ = kill_process(pid(self.id()), signal);
        }
    }

    /// Waits until it has ended, at most 30 seconds, and its output has been read.
    pub async fn wait(&mut self) -> ExitStatus {
        self.wait_within(LIMIT).await
    }

    /// Waits until it has ended, at most for `limit`, and its output has been read.
    pub async fn wait_within(&mut self, limit: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                // What it started may hold the streams open for longer.
                let read = self.output.wait_for(|output| output.open == 0);
                let _ = tokio::time::timeout(Duration::from_secs(1), read).await;
                return status;
            }
            let name = self.program.path.to_string_lossy();
            assert!(start.elapsed() < limit, "{name} did not end in {limit:?} but said:\n{}", self.last_words());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait().await
    }

    /// Kills it (SIGKILL) with all that it started, and waits until it is gone.
    pub async fn kill(&mut self) -> ExitStatus {
        if self.ended().is_none() {
            let _ = kill_process_group(pid(self.id()), Signal::KILL);
        }
        self.wait().await
    }

    /// Starts it again the same way, after killing it where it has not ended.
    pub async fn restart(&mut self) {
        self.kill().await;
        guard::release_group(self.id());
        (self.child, self.output) = self.program.spawn();
        self.ended = None;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The group may have members left although its first process has ended.
        let _ = kill_process_group(pid(self.id()), Signal::KILL);
        if self.ended().is_none() {
            let _ = self.child.wait();
        }
        guard::release_group(self.id());
        if std::thread::panicking() {
            eprintln!("── the last words of {}\n{}", self.program.path.to_string_lossy(), self.last_words());
        }
    }
}
