//! Scripted doubles for tests.

use std::sync::{Mutex, PoisonError};

type Answers<A, O> = Box<dyn FnMut(A) -> O + Send>;

/// How a double answers one method, and how often it was asked.
pub struct Script<A, O> {
    name: &'static str,
    state: Mutex<State<A, O>>,
}

struct State<A, O> {
    answers: Option<Answers<A, O>>,
    calls: usize,
}

impl<A, O> Script<A, O> {
    /// A method that has no answer yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, state: Mutex::new(State { answers: None, calls: 0 }) }
    }

    /// Answers so from now on.
    pub fn set(&self, answers: impl FnMut(A) -> O + Send + 'static) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).answers = Some(Box::new(answers));
    }

    /// The next answer.
    ///
    /// # Panics
    /// When none is scripted.
    pub fn answer(&self, arguments: A) -> O {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.calls += 1;
        match &mut state.answers {
            Some(answers) => answers(arguments),
            None => panic!("the double has no answer for `{0}`: script one with `.on_{0}(…)`", self.name),
        }
    }

    /// How often it was asked.
    pub fn calls(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).calls
    }
}
