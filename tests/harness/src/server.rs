//! A server program in a process group of its own.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::guard;

/// A running server whose output goes to a file. Dropped, its whole process group is killed.
///
/// It is std's child, not tokio's: a server that tests share outlives the runtime of the test that started it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Server {
    pub(crate) fn spawn(command: &mut Command, log: &Path) -> Self {
        let file = File::options()
            .create(true)
            .append(true)
            .open(log)
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", log.display()));
        let errors = file.try_clone().expect("a second handle of the log file");
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {:?}: {error}", command.get_program()));
        guard::process_group(child.id());
        Self { child, log: log.to_owned(), ended: None }
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("ask for the state of a child process");
            if self.ended.is_some() {
                guard::release_group(self.child.id());
            }
        }
        self.ended
    }

    /// Panics with the end of the log if it has ended.
    pub(crate) fn must_run(&mut self, what: &str) {
        if let Some(status) = self.ended() {
            panic!("{what} ended ({status}); its last words:\n{}", self.last_words());
        }
    }

    pub(crate) fn last_words(&self) -> String {
        let text = String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Signals the process that was started, and not its children.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            let _ = kill_process(pid(self.child.id()), signal);
        }
    }

    /// Kills the process and all that it started, and returns when none of them runs any more.
    pub(crate) async fn kill(&mut self, limit: Duration, what: &str) {
        self.kill_group();
        self.wait(limit, what).await;
        let start = Instant::now();
        while group_runs(self.child.id()) {
            assert!(start.elapsed() < limit, "{what} left processes that do not end; its log:\n{}", self.last_words());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn kill_group(&mut self) {
        if self.ended().is_none() {
            let _ = kill_process_group(pid(self.child.id()), Signal::KILL);
        }
    }

    pub(crate) async fn wait(&mut self, limit: Duration, what: &str) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(start.elapsed() < limit, "{what} did not end within {limit:?}; its log:\n{}", self.last_words());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.kill_group();
            let _ = self.child.wait();
            guard::release_group(self.child.id());
        }
    }
}

pub(crate) fn pid(number: u32) -> Pid {
    i32::try_from(number).ok().and_then(Pid::from_raw).expect("a process id")
}

/// Whether a process of the group runs. A killed one whose parent has not yet taken notice (a zombie) does not.
fn group_runs(group: u32) -> bool {
    let processes = std::fs::read_dir("/proc").expect("read /proc");
    processes.flatten().any(|process| {
        let Ok(stat) = std::fs::read_to_string(process.path().join("stat")) else { return false };
        // proc_pid_stat(5): "id (name) state parent group …", and the name may hold anything.
        let Some((_, rest)) = stat.rsplit_once(") ") else { return false };
        let mut fields = rest.split(' ');
        let (state, _parent, of) = (fields.next(), fields.next(), fields.next());
        of == Some(group.to_string().as_str()) && !matches!(state, Some("Z" | "X"))
    })
}
