//! What HTTP says about calls: which may be sent again, and what their results mean.

use http::header::RETRY_AFTER;
use http::{HeaderMap, Response, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use tokio::time::Duration;

use super::answered::Answered;
use super::attempt::CutShort;
use super::call::Call;
use super::transport::{Garbled, Unsent};
use super::upload::SourceFailed;
use crate::http::Problem;
use crate::http::stream::Payload;
use crate::resilience::Outcome;
use crate::resilience::retry::Verdict;
use crate::{Error, ErrorKind};

/// What the breaker makes of a result: a service that answers works, whatever the answer is, unless it says that it fails.
/// One that refuses what is too much for it does what it can: to leave it alone would only waste that (decision 28).
pub(super) fn health(result: Result<&Response<Answered>, &Error>) -> Outcome {
    match result {
        Ok(response) if response.extensions().get::<CutShort>().is_some() => Outcome::Ignored,
        Ok(response) => match response.status() {
            StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => Outcome::Success,
            StatusCode::TOO_MANY_REQUESTS => Outcome::Failure,
            StatusCode::SERVICE_UNAVAILABLE if is_refused(response) => Outcome::Ignored,
            status if status.is_server_error() => Outcome::Failure,
            _ => Outcome::Success,
        },
        Err(error) if error.downcast_ref::<SourceFailed>().is_some() => Outcome::Ignored,
        Err(error) if may_pass(error) => Outcome::Failure,
        // An answer that is too large came from somebody who works.
        Err(_) => Outcome::Ignored,
    }
}

/// Whether it is the other side that fails, which may do better the next time, or on another instance.
fn may_pass(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Unavailable | ErrorKind::DeadlineExceeded => true,
        // Whoever answers in no language that is spoken here does not work.
        ErrorKind::Protocol => error.downcast_ref::<Garbled>().is_some(),
        _ => false,
    }
}

/// Whether what a call sends is kept for another attempt, up to so many bytes.
pub(super) fn is_replayable(call: &Call, body_limit: usize) -> bool {
    match &call.outgoing.body {
        Payload::Whole(body) => body.len() <= body_limit,
        Payload::Stream(_) => false,
    }
}

/// Whether a call is tried again after this: if it may be, and its failure may be a passing one.
pub(super) fn verdict(call: &Call, result: Result<&Response<Answered>, &Error>) -> Verdict {
    if !call.is_repeatable() {
        // Nobody has begun with it.
        let unsent = result.err().is_some_and(|error| error.downcast_ref::<Unsent>().is_some());
        let unsent = unsent && call.flow.as_ref().is_none_or(|flow| flow.is_untouched());
        return if unsent { Verdict::Retry { after: None } } else { Verdict::Final };
    }
    match result {
        Ok(response) => match response.status() {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Verdict::Retry { after: retry_after(response.headers()) },
            StatusCode::CONFLICT if is_in_flight(response) => Verdict::Retry { after: None },
            _ => Verdict::Final,
        },
        Err(error) if may_pass(error) => Verdict::Retry { after: None },
        Err(_) => Verdict::Final,
    }
}

/// What the balancer makes of it: to be refused is no reason to come back to the same instance.
pub(super) fn is_bad(result: Result<&Response<Answered>, &Error>) -> bool {
    health(result) == Outcome::Failure || result.is_ok_and(is_refused)
}

/// Whether the other side has too much to do for this call.
fn is_refused(response: &Response<Answered>) -> bool {
    response.status() == StatusCode::SERVICE_UNAVAILABLE && says(response, "overloaded")
}

/// Whether an earlier attempt with the same key is still at work.
fn is_in_flight(response: &Response<Answered>) -> bool {
    says(response, "request_in_flight")
}

fn says(response: &Response<Answered>, code: &str) -> bool {
    Problem::decode(response.status(), response.body().whole()).is_some_and(|problem| problem.code == code)
}

/// How long the other side wants to be left alone: RFC 9110, 10.2.3. What cannot be read is as if it were absent.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::client::outgoing::Outgoing;

    fn call(method: &str, key: bool, idempotent: bool, body: usize) -> Call {
        let (method, body) = (method.parse().expect("a method"), Payload::Whole(vec![b'x'; body].into()));
        let mut call = Call::example(Outgoing { method, body, idempotent, ..Outgoing::example() });
        call.key = key.then(|| http::HeaderValue::from_static("7"));
        call
    }

    fn get() -> Call {
        call("GET", false, true, 0)
    }

    fn response(status: u16, retry_after: Option<&str>, body: &'static str) -> Response<Answered> {
        let mut response = Response::new(Bytes::from_static(body.as_bytes()).into());
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
        if let Some(after) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, after.parse().expect("a header"));
        }
        response
    }

    #[test]
    fn only_what_may_be_repeated_is() {
        for (method, key, idempotent, body, expected) in [
            ("GET", false, true, 0, true),
            ("PUT", false, true, 100, true),
            ("PUT", false, true, 101, false),
            ("POST", false, true, 0, false),
            ("POST", true, true, 0, true),
            ("POST", true, false, 0, false),
            ("PATCH", false, false, 0, false),
        ] {
            let call = call(method, key, idempotent, body);
            let failed = Error::new(ErrorKind::Unavailable, "x");
            let again = is_replayable(&call, 100) && verdict(&call, Err(&failed)) != Verdict::Final;
            assert_eq!(again, expected, "{method}, key {key}, {body} bytes");
        }
    }

    #[test]
    fn passing_failures_are_worth_another_attempt() {
        let again = |after| Verdict::Retry { after };
        for (response, expected) in [
            (response(200, None, ""), Verdict::Final),
            (response(500, None, ""), Verdict::Final),
            (response(404, None, ""), Verdict::Final),
            (response(409, None, "{\"code\":\"out_of_stock\"}"), Verdict::Final),
            (response(409, None, "{\"code\":\"request_in_flight\"}"), again(None)),
            (response(502, None, ""), again(None)),
            (response(503, Some("2"), ""), again(Some(Duration::from_secs(2)))),
            (response(429, Some("soon"), ""), again(None)),
            (response(429, Some("-1"), ""), again(None)),
            (response(503, Some("Sun, 06 Nov 1994 08:49:37 GMT"), ""), again(Some(Duration::ZERO))),
        ] {
            assert_eq!(verdict(&get(), Ok(&response)), expected, "{response:?}");
        }
        for (kind, expected) in [
            (ErrorKind::Unavailable, again(None)),
            (ErrorKind::DeadlineExceeded, again(None)),
            (ErrorKind::CircuitOpen, Verdict::Final),
            (ErrorKind::Protocol, Verdict::Final),
        ] {
            assert_eq!(verdict(&get(), Err(&Error::new(kind, "x"))), expected, "{kind:?}");
        }
    }

    #[test]
    fn a_date_to_come_back_at() {
        let at = Timestamp::now() + jiff::SignedDuration::from_secs(100);
        let text = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).expect("a date");
        let Verdict::Retry { after: Some(after) } = verdict(&get(), Ok(&response(503, Some(&text), ""))) else {
            panic!("`{text}` was not read");
        };
        assert!((98..=100).contains(&after.as_secs()), "{after:?}");
    }

    #[test]
    fn a_service_that_answers_works() {
        for (status, expected) in [
            (200, Outcome::Success),
            (404, Outcome::Success),
            (409, Outcome::Success),
            (429, Outcome::Failure),
            (500, Outcome::Failure),
            (501, Outcome::Success),
            (503, Outcome::Failure),
        ] {
            assert_eq!(health(Ok(&response(status, None, ""))), expected, "{status}");
        }
        let refused = response(503, Some("1"), "{\"code\":\"overloaded\"}");
        assert_eq!(
            (health(Ok(&refused)), is_bad(Ok(&refused))),
            (Outcome::Ignored, true),
            "it works as much as it can"
        );
        assert!(is_bad(Ok(&response(503, None, ""))) && !is_bad(Ok(&response(200, None, ""))));
        let mut late = response(504, None, "");
        late.extensions_mut().insert(CutShort);
        assert_eq!(health(Ok(&late)), Outcome::Ignored);
        for (kind, expected) in [
            (ErrorKind::Unavailable, Outcome::Failure),
            (ErrorKind::DeadlineExceeded, Outcome::Failure),
            (ErrorKind::Protocol, Outcome::Ignored),
        ] {
            assert_eq!(health(Err(&Error::new(kind, "x"))), expected, "{kind:?}");
        }
    }
}
