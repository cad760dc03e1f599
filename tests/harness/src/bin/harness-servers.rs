//! Starts one RabbitMQ and one PostgreSQL and runs a command that finds them by `CHASSIS_TEST_RABBITMQ` and
//! `CHASSIS_TEST_POSTGRES`. With the command's end they end too, and its exit code is this program's.
//!
//! ```text
//! cargo run -p harness --bin harness-servers -- cargo nextest run
//! ```

use std::process::{ExitCode, Stdio};

use harness::postgres::Cluster;
use harness::rabbitmq::Broker;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "\
Usage: harness-servers [--only rabbitmq|postgres] [--] [COMMAND [ARGUMENT]...]

Starts a private RabbitMQ and a private PostgreSQL, sets CHASSIS_TEST_RABBITMQ, CHASSIS_TEST_RABBITMQ_NODE and
CHASSIS_TEST_POSTGRES, and runs COMMAND. Without a command it prints the variables and waits for Ctrl-C.
A server whose variable is set already is not started.
";

struct Wish {
    rabbitmq: bool,
    postgres: bool,
    command: Vec<String>,
}

fn parse(arguments: impl Iterator<Item = String>) -> Result<Wish, String> {
    let mut wish = Wish { rabbitmq: true, postgres: true, command: Vec::new() };
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next_if(|argument| argument.starts_with('-')) {
        match argument.as_str() {
            "--" => break,
            "--help" | "-h" => return Err(String::new()),
            "--only" => match arguments.next().as_deref() {
                Some("rabbitmq") => wish.postgres = false,
                Some("postgres") => wish.rabbitmq = false,
                other => return Err(format!("--only takes rabbitmq or postgres, not {other:?}")),
            },
            other => return Err(format!("unknown option {other}")),
        }
    }
    wish.command = arguments.collect();
    Ok(wish)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let wish = match parse(std::env::args().skip(1)) {
        Ok(wish) => wish,
        Err(fault) if fault.is_empty() => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(fault) => {
            eprint!("{fault}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let lacks = |variable: &str| std::env::var_os(variable).is_none();
    let broker = async {
        let wanted = wish.rabbitmq && lacks(harness::rabbitmq::URI_VARIABLE);
        if wanted { Some(Broker::options().management().start().await) } else { None }
    };
    let cluster = async {
        let wanted = wish.postgres && lacks(harness::postgres::URL_VARIABLE);
        if wanted { Some(Cluster::start().await) } else { None }
    };
    let (broker, cluster) = tokio::join!(broker, cluster);
    if let Some(broker) = &broker {
        eprintln!("harness-servers: RabbitMQ {}", broker.version().await);
    }
    let mut variables: Vec<(&str, String)> = broker.iter().flat_map(Broker::variables).collect();
    variables.extend(cluster.iter().map(Cluster::variable));
    run(&wish.command, &variables).await
}

async fn run(command: &[String], variables: &[(&str, String)]) -> ExitCode {
    let mut terminate = signal(SignalKind::terminate()).expect("listen for SIGTERM");
    let mut interrupt = signal(SignalKind::interrupt()).expect("listen for SIGINT");
    let Some((program, arguments)) = command.split_first() else {
        for (name, value) in variables {
            println!("export {name}={value}");
        }
        tokio::select! { _ = terminate.recv() => {} _ = interrupt.recv() => {} }
        return ExitCode::SUCCESS;
    };
    let child = Command::new(program)
        .args(arguments)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::inherit())
        .kill_on_drop(true)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            eprintln!("cannot run {program}: {error}");
            return ExitCode::from(127);
        }
    };
    // A Ctrl-C at the terminal reaches the command too, which then ends in its own way.
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            _ = interrupt.recv() => {}
            _ = terminate.recv() => { let _ = child.start_kill(); }
        }
    };
    let code = status.ok().and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok());
    ExitCode::from(code.unwrap_or(1))
}
