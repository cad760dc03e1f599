//! The messages on their way over one channel, in the order in which they were sent.

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use super::super::confirms::Returned;
use super::request::Request;
use crate::messaging::driver::Outgoing;

/// The messages on their way over one channel, which the broker numbers from 1.
pub(super) struct Window {
    /// The number of the front flight.
    first: u64,
    /// Without those that were confirmed before their elders.
    flights: VecDeque<Option<Flight>>,
    len: usize,
    /// What came back, and is confirmed next.
    returned: HashMap<Returned, usize>,
}

struct Flight {
    request: Request,
    sent: Instant,
}

impl Default for Window {
    fn default() -> Self {
        Self { first: 1, flights: VecDeque::new(), len: 0, returned: HashMap::new() }
    }
}

impl Window {
    /// How many are on their way.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Takes note of what was sent.
    pub(super) fn push(&mut self, request: Request, sent: Instant) {
        self.flights.push_back(Some(Flight { request, sent }));
        self.len += 1;
    }

    /// Takes out the message of that number, if it is still on its way.
    pub(super) fn take(&mut self, number: u64) -> Option<Request> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let flight = self.flights.get_mut(index)?.take()?;
        self.len -= 1;
        while let Some(None) = self.flights.front() {
            self.flights.pop_front();
            self.first += 1;
        }
        Some(flight.request)
    }

    /// Takes out the oldest that is on its way, if its number is not above that one.
    pub(super) fn take_oldest(&mut self, up_to: u64) -> Option<Request> {
        if self.first <= up_to { self.take(self.first) } else { None }
    }

    /// Takes note of a message that no queue took.
    pub(super) fn comes_back(&mut self, returned: Returned) {
        *self.returned.entry(returned).or_default() += 1;
    }

    /// Whether what is confirmed now came back before.
    pub(super) fn came_back(&mut self, outgoing: &Outgoing) -> bool {
        if self.returned.is_empty() {
            return false;
        }
        let Outgoing { exchange, routing_key, message, .. } = outgoing;
        let returned =
            Returned { exchange: exchange.to_string(), routing_key: routing_key.to_string(), id: message.id.clone() };
        let Some(count) = self.returned.get_mut(&returned) else { return false };
        *count -= 1;
        if *count == 0 {
            self.returned.remove(&returned);
        }
        true
    }

    /// When the oldest that is still on its way was sent.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.flights.front().and_then(Option::as_ref).map(|flight| flight.sent)
    }

    /// All that are still on their way and when they were sent, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Outgoing, Instant)> {
        self.flights.iter().flatten().map(|flight| (flight.request.outgoing(), flight.sent))
    }

    /// All that are still on their way, oldest first.
    pub(super) fn into_requests(self) -> impl Iterator<Item = Request> {
        self.flights.into_iter().flatten().map(|flight| flight.request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messaging::Message;

    fn request(id: &str) -> Request {
        let message = Message { id: id.to_owned(), ..Message::default() };
        let (exchange, routing_key) = ("orders.events".into(), "order.placed.v1".into());
        Request::new(Outgoing { exchange, routing_key, mandatory: true, message, deadline: Instant::now() }, 0)
    }

    fn id(request: Option<Request>) -> Option<String> {
        request.map(|request| request.outgoing().message.id.clone())
    }

    #[test]
    fn each_is_taken_once_whatever_the_order() {
        let mut window = Window::default();
        for id in ["a", "b", "c", "d"] {
            window.push(request(id), Instant::now());
        }
        assert_eq!(id(window.take(2)).as_deref(), Some("b"));
        assert_eq!(id(window.take(2)), None);
        assert_eq!((id(window.take(0)), id(window.take(5))), (None, None));
        assert_eq!(id(window.take_oldest(3)).as_deref(), Some("a"));
        assert_eq!(id(window.take_oldest(3)).as_deref(), Some("c"));
        assert_eq!(id(window.take_oldest(3)), None);
        assert_eq!(window.len(), 1);
        assert_eq!(window.into_requests().map(|request| id(Some(request)).unwrap()).collect::<Vec<_>>(), ["d"]);
    }

    #[test]
    fn what_comes_back_is_known_by_what_it_is() {
        let mut window = Window::default();
        let returned = |id: &str| Returned {
            exchange: "orders.events".to_owned(),
            routing_key: "order.placed.v1".to_owned(),
            id: id.to_owned(),
        };
        let (a, b) = (request("a"), request("b"));
        assert!(!window.came_back(a.outgoing()));
        for returned in [returned("a"), returned("a")] {
            window.comes_back(returned);
        }
        assert!(!window.came_back(b.outgoing()));
        assert!(window.came_back(a.outgoing()) && window.came_back(a.outgoing()) && !window.came_back(a.outgoing()));
    }
}
