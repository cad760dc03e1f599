//! The program that gives a test run its servers.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use harness::eventually;

fn servers() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness-servers"));
    command.env_remove("CHASSIS_TEST_RABBITMQ").env_remove("CHASSIS_TEST_POSTGRES").args(["--only", "postgres"]);
    command
}

#[test]
fn the_command_finds_the_server_and_its_exit_code_is_given_on() {
    let script = "test -n \"$CHASSIS_TEST_POSTGRES\" && test -z \"$CHASSIS_TEST_RABBITMQ\" && exit 42";
    let status = servers().args(["--", "sh", "-c", script]).status().expect("run it");
    assert_eq!(status.code(), Some(42));
}

#[test]
fn a_wrong_option_is_refused() {
    let output = servers().args(["--onyl", "x"]).output().expect("run it");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("unknown option --onyl"));
}

#[tokio::test]
async fn nothing_stays_behind_when_it_is_killed() {
    let mut program = servers().stdout(Stdio::piped()).spawn().expect("run it");
    let mut line = String::new();
    BufReader::new(program.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    let port = line.trim().rsplit_once(':').and_then(|(_, rest)| rest.split('/').next()).expect("a port");
    let folder = folder_of(port).expect("its data lies in a temporary folder");
    program.kill().expect("kill it");
    program.wait().expect("its end");
    eventually("server and folder are gone", async || (folder_of(port).is_none() && !folder.exists()).then_some(()))
        .await;
}

/// The folder of the server on `port`: the parent of the data folder that is the process's argument.
fn folder_of(port: &str) -> Option<PathBuf> {
    let processes = std::fs::read_dir("/proc").ok()?;
    processes.flatten().find_map(|process| {
        let arguments = std::fs::read_to_string(process.path().join("cmdline")).ok()?;
        let data = Path::new(arguments.split('\0').find(|argument| argument.contains("chassis-postgres-"))?);
        let config = std::fs::read_to_string(data.join("postgresql.conf")).ok()?;
        config.contains(&format!("port = {port}\n")).then(|| data.parent().map(Path::to_owned))?
    })
}
