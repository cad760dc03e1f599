//! A server that is measured.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use harness::guard;
use harness::ports::Port;

use super::pin;

/// What is requested, and what must come back.
pub const PATH: &str = "/products/7";
/// The length of the answer's body.
pub const BODY: usize = 150;

/// How a subject is started.
#[derive(Debug, Clone)]
pub struct Variant {
    pub name: &'static str,
    pub program: PathBuf,
    /// The share of traces that are recorded; `None` for a subject without telemetry.
    pub sampling: Option<f64>,
}

/// A running subject, on its core; killed when dropped.
pub struct Subject {
    child: Child,
    address: SocketAddr,
    /// From exec to the first 200.
    pub first_answer: Duration,
    _ports: [Port; 2],
}

impl Variant {
    /// Sets what the program is told: the peers read `LISTEN`, the library its settings.
    pub fn command(&self, program: &mut Command, address: SocketAddr, management: u16, collector: SocketAddr) {
        program
            .env("TOKIO_WORKER_THREADS", "1")
            .env("LISTEN", address.to_string())
            .env("CHASSIS__HTTP__LISTEN", address.to_string())
            .env("CHASSIS__MANAGEMENT__LISTEN", format!("127.0.0.1:{management}"))
            .env("CHASSIS__LIFECYCLE__DRAIN_DELAY", "0s")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(sampling) = self.sampling {
            program
                .env("CHASSIS__TELEMETRY__SAMPLING", sampling.to_string())
                .env("CHASSIS__TELEMETRY__OTLP__ENDPOINT", format!("http://{collector}"))
                // As often as the library exports by default.
                .env("OTEL_BSP_SCHEDULE_DELAY", "1000")
                .env("OTEL_TRACES_SAMPLER_ARG", sampling.to_string())
                .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"));
        }
    }

    /// Starts it on the server's core and waits for its first answer.
    pub fn start(&self, collector: SocketAddr) -> Result<Subject, String> {
        let ports = [Port::free(), Port::free()];
        let address = SocketAddr::from(([127, 0, 0, 1], ports[0].number()));
        let mut command = Command::new(&self.program);
        self.command(&mut command, address, ports[1].number(), collector);
        let (child, began) = spawn_on(pin::SERVER, command).map_err(|error| format!("{}: {error}", self.name))?;
        guard::process_group(child.id());
        let mut subject = Subject { child, address, first_answer: Duration::ZERO, _ports: ports };
        while !answers(address) {
            if let Ok(Some(status)) = subject.child.try_wait() {
                return Err(format!("{} ended at its start: {status}", self.name));
            }
            if began.elapsed() > Duration::from_secs(60) {
                return Err(format!("{} does not answer GET {PATH} with 200 and {BODY} bytes", self.name));
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        subject.first_answer = began.elapsed();
        Ok(subject)
    }
}

/// A child takes over the core of the thread that starts it.
fn spawn_on(core: usize, mut command: Command) -> Result<(Child, Instant), String> {
    let thread = std::thread::spawn(move || {
        use std::os::unix::process::CommandExt;
        pin::this_thread(core)?;
        let began = Instant::now();
        command.process_group(0).spawn().map(|child| (child, began)).map_err(|error| error.to_string())
    });
    thread.join().map_err(|_| "the thread that starts it panicked".to_owned())?
}

fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let request = format!("GET {PATH} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    let mut answer = String::new();
    let read = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
    let body = answer.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
    read.is_ok() && answer.starts_with("HTTP/1.1 200") && body == BODY
}

impl Subject {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The processor time that it has used, all its threads and the kernel's work for them included.
    pub fn processor_time(&self) -> Result<Duration, String> {
        let text = self.read("stat")?;
        // Behind the name in parentheses, which may hold spaces: state is field 3, utime and stime are 14 and 15.
        let fields: Vec<&str> = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
        let ticks = |at: usize| fields.get(at - 3).and_then(|field| field.parse::<u64>().ok());
        let ticks = ticks(14).zip(ticks(15)).map(|(user, system)| user + system);
        let per_second = rustix::param::clock_ticks_per_second();
        ticks.map(|ticks| Duration::from_secs_f64(ticks as f64 / per_second as f64)).ok_or(format!("odd stat: {text}"))
    }

    /// Its memory in use, in MB of 10⁶ bytes.
    pub fn resident_memory(&self) -> Result<f64, String> {
        let text = self.read("status")?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        let kib: Result<f64, _> = line.trim_end_matches("kB").trim().parse();
        kib.map(|kib| kib * 1024.0 / 1e6).map_err(|_| format!("odd VmRSS: {line}"))
    }

    fn read(&self, file: &str) -> Result<String, String> {
        let path = format!("/proc/{}/{file}", self.child.id());
        fs::read_to_string(&path).map_err(|error| format!("{path}: {error} (has the server ended?)"))
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        guard::release_group(self.child.id());
    }
}
