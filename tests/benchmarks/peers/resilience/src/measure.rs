//! Nanoseconds per call, with one thread and with two on the same object.

use std::sync::Barrier;
use std::time::Instant;

use rustix::thread::{CpuSet, sched_setaffinity};
use serde::Serialize;

/// How many calls one value is made of: long enough for the clock, short enough that little else gets between.
const CALLS: u32 = 100_000;

/// Makes so many calls, one after the other. It is made once for each thread.
pub type Run = Box<dyn FnMut(u32) + Send>;

/// Something whose calls are measured.
pub struct Subject {
    pub row: &'static str,
    pub name: &'static str,
    /// Makes the calls of one thread, all on the same object.
    pub thread: Box<dyn Fn() -> Run>,
    /// How many calls one value is made of, where it is less than usual.
    pub calls: u32,
}

impl Subject {
    pub fn new(row: &'static str, name: &'static str, thread: impl Fn() -> Run + 'static) -> Self {
        Self { row, name, thread: Box::new(thread), calls: CALLS }
    }

    pub fn calls(self, calls: u32) -> Self {
        Self { calls, ..self }
    }
}

/// All values of one subject.
#[derive(Debug, Serialize)]
pub struct Measured {
    pub row: &'static str,
    pub subject: &'static str,
    pub threads: usize,
    pub unit: &'static str,
    pub values: Vec<f64>,
}

/// Measures every subject once in each round, in a new order.
pub fn all(subjects: &[Subject], rounds: usize) -> Vec<Measured> {
    let mut measured = Vec::new();
    for threads in [1, 2] {
        let mut runs: Vec<Vec<Run>> =
            subjects.iter().map(|subject| (0..threads).map(|_| (subject.thread)()).collect()).collect();
        let mut values: Vec<Vec<f64>> = subjects.iter().map(|_| Vec::new()).collect();
        let mut order: Vec<usize> = (0..subjects.len()).collect();
        // The first round warms up.
        for round in 0..=rounds {
            fastrand::shuffle(&mut order);
            for at in &order {
                let value = once(&mut runs[*at], subjects[*at].calls);
                if round > 0 {
                    values[*at].push(value);
                }
            }
        }
        for (subject, values) in subjects.iter().zip(values) {
            measured.push(Measured { row: subject.row, subject: subject.name, threads, unit: "ns", values });
        }
    }
    measured
}

/// Nanoseconds per call: the mean of the threads, of which each has a core of its own.
fn once(runs: &mut [Run], calls: u32) -> f64 {
    let (threads, start) = (runs.len(), Barrier::new(runs.len()));
    let total: f64 = std::thread::scope(|scope| {
        let start = &start;
        let threads: Vec<_> = runs
            .iter_mut()
            .enumerate()
            .map(|(core, run)| {
                scope.spawn(move || {
                    pin(core);
                    run(calls / 10);
                    start.wait();
                    let started = Instant::now();
                    run(calls);
                    started.elapsed().as_nanos() as f64 / f64::from(calls)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(f64::NAN)).sum()
    });
    total / threads as f64
}

/// Binds the calling thread to a core. Without the right to do so the values are less steady, and that is all.
pub fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    let _ = sched_setaffinity(None, &set);
}

/// A runtime for one thread.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}

/// Makes the calls of a tower service.
pub fn service<S, Request>(mut service: S, request: Request) -> Run
where
    S: tower::Service<Request> + Send + 'static,
    Request: Clone + Send + 'static,
{
    let runtime = runtime();
    Box::new(move |calls| {
        runtime.block_on(async {
            for _ in 0..calls {
                if std::future::poll_fn(|cx| service.poll_ready(cx)).await.is_ok() {
                    let _ = std::hint::black_box(service.call(request.clone()).await);
                }
            }
        });
    })
}
