//! Scripted doubles for tests.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::fault::{Fault, broken_off};
use super::operation::Operation;
use super::table::Output;

type Answers<A, O> = Box<dyn FnMut(A) -> O + Send>;

/// How a double answers one method, and how often it was asked.
pub struct Script<A, O> {
    name: &'static str,
    state: Mutex<State<A, O>>,
}

struct State<A, O> {
    answers: Option<Answers<A, O>>,
    faults: Vec<Fault>,
    calls: usize,
}

impl<A, O> Script<A, O> {
    /// A method that has no answer yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, state: Mutex::new(State { answers: None, faults: Vec::new(), calls: 0 }) }
    }

    /// Answers so from now on.
    pub fn set(&self, answers: impl FnMut(A) -> O + Send + 'static) {
        self.state().answers = Some(Box::new(answers));
    }

    /// Adds something that goes wrong.
    pub fn fault(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// The next answer, or what goes wrong with it.
    ///
    /// # Panics
    /// When none is scripted.
    pub async fn answer(&self, table: &Output<O>, operation: &Operation, arguments: A) -> O {
        let fault = {
            let mut state = self.state();
            state.calls += 1;
            state.faults.iter().find(|fault| fault.is_about(state.calls)).cloned()
        };
        let breaks_off = fault.as_ref().and_then(Fault::breaks_off_after);
        if let Some(fault) = fault
            && let Err(error) = fault.happen(operation).await
        {
            return (table.unexpected)(error);
        }
        let answer = match &mut self.state().answers {
            Some(answers) => answers(arguments),
            None => panic!("the double has no answer for `{0}`: script one with `.on_{0}(…)`", self.name),
        };
        match breaks_off {
            None => answer,
            Some(bytes) if table.streams => (table.map_stream)(answer, &mut |stream| broken_off(stream, bytes)),
            Some(_) => panic!("`{}` answers no stream that could break off", self.name),
        }
    }

    /// How often it was asked.
    pub fn calls(&self) -> usize {
        self.state().calls
    }

    fn state(&self) -> MutexGuard<'_, State<A, O>> {
        // A script that panicked is the test's own failure.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
