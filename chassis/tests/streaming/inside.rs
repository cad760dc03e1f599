//! Streams that never leave the process: to a service beside, and to and from a double.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chassis::contract::Fault;
use chassis::prelude::*;
use chassis::testing::TestApp;

use crate::vault::{MIB, PIECE, Stored, Told, VaultClient, VaultDouble, VaultService, drained, file};

#[tokio::test]
async fn they_are_handed_over_as_they_are() {
    let told = Arc::<Told>::default();
    let app = TestApp::new().service(VaultService(Arc::clone(&told))).start().await.unwrap();
    let client: VaultClient = app.client().await.unwrap();
    let mut stream = client.fetch(format!("file-{}", 64 * MIB)).await.unwrap();
    stream.chunk().await.unwrap();
    assert_eq!(told.produced.load(Ordering::SeqCst), 1, "each piece is made when it is asked for");
    assert_eq!(PIECE + drained(stream).await.unwrap(), 64 * MIB);

    let stored = client.store("x".into(), None, None, file(3 * MIB, None, Arc::default())).await.unwrap();
    assert_eq!((stored.bytes, stored.wrong), (3 * MIB, 0));

    let error = drained(client.fetch(format!("broken-{PIECE}")).await.unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(format!("{error:#}"), "the answer of `vault.fetch` broke off", "as much as another process is told");
}

#[tokio::test]
async fn a_double_takes_and_gives_them() {
    let double = VaultDouble::new().on_fetch(|name| Ok(name.into())).on_store(|name, _, tag, file| {
        let bytes = file.length().unwrap_or_default() as usize;
        Ok(Stored { name, bytes, wrong: 0, kind: String::new(), tag })
    });
    let client = double.client();
    assert_eq!(client.fetch("seven".into()).await.unwrap().collect_up_to(10).await.unwrap(), "seven");
    assert_eq!(client.store("x".into(), None, None, "seven".into()).await.unwrap().bytes, 5);
    assert_eq!(double.fetch_calls(), 1);
}

#[tokio::test]
async fn a_double_breaks_them_off() {
    let double = VaultDouble::new().on_fetch(|name| Ok(name.into())).fault_fetch(Fault::breaks_off(6).on_call(2));
    let client = double.client();
    for (name, read) in [("seven", Ok("seven")), ("nineteen", Err("ninete")), ("seven", Ok("seven"))] {
        let mut stream = client.fetch(name.into()).await.unwrap();
        let first = stream.chunk().await.unwrap().unwrap();
        match read {
            Ok(whole) => assert!(first == whole && stream.chunk().await.unwrap().is_none()),
            Err(part) => {
                assert_eq!(first, part);
                assert_eq!(stream.chunk().await.unwrap_err().kind(), ErrorKind::Unavailable);
            }
        }
    }
}
