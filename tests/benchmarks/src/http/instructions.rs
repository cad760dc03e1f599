//! Instructions per request, counted by valgrind: the steadiest figure, since it does not depend on what else runs.
//!
//! The kernel's instructions are not counted. Two runs with different numbers of requests are made, so that what the
//! start and the end cost falls out.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use harness::guard::{self, Folder};
use harness::ports::Port;
use rustix::process::{Pid, Signal, kill_process};

use super::build::Subjects;
use super::sink::Sink;
use super::subject::{BODY, PATH, Variant};
use crate::progress::{done, say};
use crate::report::Row;

const FEW: u32 = 2_000;
const MANY: u32 = 10_000;

/// The rows `…-instructions`.
pub fn rows(subjects: &Subjects) -> Result<Vec<Row>, String> {
    let sink = Sink::start()?;
    let count = |name, program: &std::path::Path, sampling| {
        per_request(&Variant { name, program: program.to_owned(), sampling }, &sink)
    };
    let bare = count("bare axum", &subjects.bare, None)?;
    let one = count("chassis, 1 %", &subjects.chassis, Some(0.01))? - bare;
    let all = count("chassis, 100 %", &subjects.chassis, Some(1.0))? - bare;
    done();
    let row = |name, added: f64, goal| Row::new(name, "instructions", added, bare).at_most(goal, added);
    Ok(vec![row("added-1pct-instructions", one, 9_000.0), row("added-100pct-instructions", all, 22_000.0)])
}

fn per_request(variant: &Variant, sink: &Sink) -> Result<f64, String> {
    let few = total(variant, sink, FEW)?;
    let many = total(variant, sink, MANY)?;
    Ok((many as f64 - few as f64) / f64::from(MANY - FEW))
}

fn total(variant: &Variant, sink: &Sink, requests: u32) -> Result<u64, String> {
    say(&format!("counting the instructions of {}, {requests} requests", variant.name));
    let (folder, ports) = (Folder::new("callgrind"), [Port::free(), Port::free()]);
    let address = SocketAddr::from(([127, 0, 0, 1], ports[0].number()));
    let mut command = Command::new("valgrind");
    command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", folder.join("out").display()));
    command.arg(format!("--log-file={}", folder.join("log").display())).arg(&variant.program);
    variant.command(&mut command, address, ports[1].number(), sink.address);
    let child = {
        use std::os::unix::process::CommandExt;
        command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
    };
    let mut running = Running(child.map_err(|error| format!("cannot run valgrind (is it installed?): {error}"))?);
    guard::process_group(running.0.id());
    load(address, requests, &mut running).map_err(|error| format!("{} under valgrind: {error}", variant.name))?;
    running.end()?;
    let log = std::fs::read_to_string(folder.join("log")).map_err(|error| error.to_string())?;
    let collected = log.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    collected.ok_or_else(|| format!("callgrind counted nothing:\n{log}"))
}

struct Running(Child);

impl Running {
    /// Asks it to end, so that callgrind writes what it has counted.
    fn end(&mut self) -> Result<(), String> {
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw).ok_or("no process id")?;
        kill_process(pid, Signal::TERM).map_err(|error| error.to_string())?;
        self.0.wait().map(drop).map_err(|error| error.to_string())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        guard::release_group(self.0.id());
    }
}

/// One connection, one request at a time: what happens per request must not depend on timing.
fn load(address: SocketAddr, requests: u32, running: &mut Running) -> Result<(), String> {
    let start = Instant::now();
    let mut stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(error) => {
                let ended = running.0.try_wait().ok().flatten();
                if let Some(status) = ended {
                    return Err(format!("it ended at its start: {status}"));
                }
                if start.elapsed() > Duration::from_secs(120) {
                    return Err(format!("it does not answer: {error}"));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    };
    let said = |error: std::io::Error| error.to_string();
    stream.set_nodelay(true).map_err(said)?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).map_err(said)?;
    let request = format!("GET {PATH} HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let (mut buffer, mut length) = ([0; 4096], 0);
    for _ in 0..requests {
        stream.write_all(request.as_bytes()).map_err(said)?;
        // All answers have the same length once the first is known.
        let mut read = 0;
        while length == 0 || read < length {
            read += stream.read(&mut buffer[read..]).map_err(said)?;
            if length == 0 && read > BODY + 4 && buffer[read - BODY - 4..].starts_with(b"\r\n\r\n") {
                length = read;
            }
        }
        if !buffer.starts_with(b"HTTP/1.1 200") {
            return Err(format!("a wrong answer: {}", String::from_utf8_lossy(&buffer[..read])));
        }
    }
    Ok(())
}
