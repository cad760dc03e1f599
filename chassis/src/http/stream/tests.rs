use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, stream};
use http_body::Body as _;
use tokio::io::AsyncReadExt;

use super::*;
use crate::{Error, ErrorKind, Result};

fn pieces<const N: usize>(pieces: [Result<&'static str>; N]) -> ByteStream {
    ByteStream::new(stream::iter(pieces))
}

fn broken() -> Error {
    Error::new(ErrorKind::Unavailable, "gone")
}

#[tokio::test]
async fn it_comes_out_as_it_went_in() {
    let of_reader = ByteStream::from_reader(&b"seven"[..]);
    for (stream, length) in [
        (ByteStream::from("seven"), Some(5)),
        (ByteStream::from(b"seven".to_vec()), Some(5)),
        (pieces([Ok("se"), Ok(""), Ok("ven")]), None),
        (of_reader, None),
        (pieces([Ok("se"), Ok("ven")]).with_length(5), Some(5)),
    ] {
        assert_eq!(stream.length(), length);
        assert_eq!(stream.collect_up_to(5).await.unwrap(), "seven");
    }
    let mut text = String::new();
    pieces([Ok("se"), Ok("ven")]).into_reader().read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "seven");
    assert!(ByteStream::empty().is_end_stream() && !ByteStream::from("x").is_end_stream());
}

#[tokio::test]
async fn no_more_is_collected_than_is_taken() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let endless = stream::repeat_with(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        Ok::<_, Error>(vec![0; 1000])
    });
    let error = ByteStream::new(endless).collect_up_to(10_000).await.unwrap_err();
    assert_eq!((error.kind(), error.downcast_ref()), (ErrorKind::Invalid, Some(&TooLarge { limit: 10_000 })));
    assert_eq!(asked.load(Ordering::SeqCst), 11);
    for too_large in [ByteStream::from("seven"), pieces([Ok("seven")]), pieces([Ok("sev"), Ok("en")])] {
        assert!(too_large.collect_up_to(4).await.unwrap_err().downcast_ref::<TooLarge>().is_some());
    }
}

#[tokio::test]
async fn an_error_is_its_end() {
    let mut stream = pieces([Ok("seven"), Err(broken()), Ok("more")]);
    assert!(stream.chunk().await.is_ok());
    assert_eq!(stream.chunk().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(stream.chunk().await.unwrap().is_none());
}

#[tokio::test]
async fn the_length_that_was_said_is_kept() {
    for (stream, read) in
        [(pieces([Ok("sev"), Ok("en")]).with_length(4), 1), (ByteStream::from("seven").with_length(6), 1)]
    {
        let got: Vec<_> = stream.collect().await;
        assert!(got[..read].iter().all(Result::is_ok));
        assert_eq!(got[read].as_ref().unwrap_err().kind(), ErrorKind::Protocol);
        assert_eq!(got.len(), read + 1);
    }
}

#[tokio::test]
async fn errors_keep_their_kind_through_readers() {
    let through = ByteStream::from_reader(pieces([Ok("se"), Err(broken())]).into_reader());
    let error = through.collect_up_to(10).await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Unavailable, "gone"));
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn whoever_is_outside_is_told_nothing_and_the_log_is_told_all() {
    let log = Log::default();
    let sink = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || sink.clone()).finish();
    let _subscribed = tracing::subscriber::set_default(subscriber);
    let secret = pieces([Ok("seven"), Err(Error::msg("the password is hunter2"))]).told("the export");
    let got: Vec<_> = secret.collect().await;
    assert_eq!(format!("{:#}", got[1].as_ref().unwrap_err()), "the export broke off");
    let panics = stream::poll_fn(|_| -> std::task::Poll<Option<Result<&'static str>>> { panic!("hunter2") });
    let error = ByteStream::new(panics).told("the export").chunk().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let logged = String::from_utf8(log.0.lock().expect("not poisoned").clone()).expect("text");
    for part in ["a stream failed", "stream=the export", "the password is hunter2", "it panicked: hunter2"] {
        assert!(logged.contains(part), "{part}: {logged}");
    }
    assert_eq!(format!("{:?}", ByteStream::from("hunter2")), "ByteStream { left: Some(7), .. }");
}
