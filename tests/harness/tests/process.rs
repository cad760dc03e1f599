//! Programs that are started, listened to and killed.

use std::os::unix::process::ExitStatusExt;

use harness::process::{Program, Signal};

fn shell(script: &str) -> Program {
    Program::new("/bin/sh").arg("-c").arg(script)
}

#[tokio::test]
async fn its_lines_are_waited_for() {
    let mut process = shell("echo one; sleep 0.1; echo $NAME >&2; echo two; exec sleep 100").env("NAME", "err").start();
    assert_eq!(process.wait_for_line("tw").await, "two");
    assert_eq!(process.wait_for_line("one").await, "one");
    assert_eq!(process.wait_for_lines("e", 2).await.len(), 2);
    assert_eq!(process.ended(), None);
}

#[tokio::test]
async fn it_ends_as_it_is_told_and_starts_again() {
    let mut process = shell("trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done").start();
    process.wait_for_line("ready").await;
    let first = process.id();
    assert_eq!(process.terminate().await.code(), Some(3));
    assert_eq!(process.lines(), ["ready", "bye"]);

    process.restart().await;
    process.wait_for_line("ready").await;
    assert_ne!(process.id(), first);
    process.signal(Signal::KILL);
    assert_eq!(process.wait().await.signal(), Some(9));
    assert_eq!(process.lines(), ["ready"]);
}

#[tokio::test]
async fn what_it_started_dies_with_it() {
    let mut process = shell("sleep 1000 & echo child $!; wait").start();
    let line = process.wait_for_line("child").await;
    let child = line.trim_start_matches("child ").to_owned();
    drop(process);
    harness::eventually("the child is gone", async || {
        let state = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        (state.is_empty() || state.contains(") Z ")).then_some(())
    })
    .await;
}

#[tokio::test]
#[should_panic(expected = "ended without printing `ready` but:\nno such thing")]
async fn a_program_that_ends_early_is_told_with_its_last_words() {
    shell("echo no such thing >&2; exit 1").start().wait_for_line("ready").await;
}

#[tokio::test]
async fn it_runs_in_the_folder_it_is_given() {
    let folder = harness::guard::Folder::new("process");
    let mut process = shell("pwd").directory(folder.path()).start();
    assert!(process.wait().await.success());
    assert_eq!(process.lines(), [folder.path().to_string_lossy()]);
}
