//! The messages on their way over one channel, in the order in which they were sent.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::request::Request;

/// The messages on their way over one channel.
#[derive(Default)]
pub(super) struct Window {
    /// The number of the front flight.
    base: u64,
    flights: VecDeque<Option<Flight>>,
    len: usize,
}

struct Flight {
    request: Request,
    sent: Instant,
}

impl Window {
    /// How many are on their way.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Takes note that `request` is sent, and gives its number.
    pub(super) fn push(&mut self, request: Request, sent: Instant) -> u64 {
        self.flights.push_back(Some(Flight { request, sent }));
        self.len += 1;
        self.base + self.flights.len() as u64 - 1
    }

    /// Takes out the message of that number.
    pub(super) fn take(&mut self, number: u64) -> Option<Request> {
        let index = usize::try_from(number.checked_sub(self.base)?).ok()?;
        let flight = self.flights.get_mut(index)?.take()?;
        self.len -= 1;
        while let Some(None) = self.flights.front() {
            self.flights.pop_front();
            self.base += 1;
        }
        Some(flight.request)
    }

    /// When the oldest that is still on its way was sent.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.flights.front().and_then(Option::as_ref).map(|flight| flight.sent)
    }

    /// All that are still on their way, oldest first.
    pub(super) fn into_requests(self) -> impl Iterator<Item = Request> {
        self.flights.into_iter().flatten().map(|flight| flight.request)
    }
}
