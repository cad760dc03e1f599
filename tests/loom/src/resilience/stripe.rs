//! As the library's, but a model says which thread has which stripe.

use std::cell::Cell;

loom::thread_local! {
    static MINE: Cell<usize> = Cell::new(0);
}

#[derive(Debug, Default)]
pub(super) struct Apart<T>(pub(super) T);

pub(super) fn stripes() -> usize {
    2
}

pub(super) fn mine() -> usize {
    MINE.with(Cell::get)
}

/// From now on the calling thread counts there.
pub(super) fn take(stripe: usize) {
    MINE.with(|mine| mine.set(stripe));
}
