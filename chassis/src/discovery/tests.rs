use std::path::PathBuf;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Duration;

use super::conformance::{self, Source};
use super::file::File;
use super::{Discovery, Driver, Endpoint, Reporter};
use crate::BoxFuture;

struct Written(PathBuf);

impl Source for Written {
    fn watch(&self) -> Discovery {
        Discovery::start(File::new(&self.0).every(Duration::from_millis(5)))
    }

    fn set<'a>(&'a mut self, addresses: &'a [&'a str]) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let next = self.0.with_extension("next");
            std::fs::write(&next, serde_json::to_string(addresses).expect("JSON")).expect("written");
            std::fs::rename(next, &self.0).expect("renamed");
        })
    }

    fn break_down(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async move { std::fs::write(&self.0, "[\"half").expect("written") })
    }
}

#[tokio::test]
async fn a_file_conforms() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut source = Written(folder.path().join("endpoints.json"));
    conformance::run(&mut source, ["a:1", "b:1", "c:1"]).await;
    std::fs::remove_file(&source.0).expect("removed");
    let discovery = source.watch();
    let failed = discovery.changes().wait_for(|seen| seen.error.is_some()).await.expect("it says so").clone();
    assert!(failed.error.as_ref().is_some_and(|error| error.contains("endpoints.json")), "{failed:?}");
}

/// Says what it is told to.
struct Told(UnboundedReceiver<Result<Vec<Endpoint>, String>>);

impl Driver for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn watch(mut self: Box<Self>, reporter: Reporter) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            while let Some(next) = self.0.recv().await {
                match next {
                    Ok(endpoints) => reporter.found(endpoints),
                    Err(error) => reporter.failed(error),
                }
            }
        })
    }
}

#[tokio::test]
async fn the_same_again_is_no_change_and_an_address_comes_once() {
    let (tell, told): (UnboundedSender<_>, _) = unbounded_channel();
    let discovery = Discovery::start(Told(told));
    tell.send(Ok(["b:1", "a:1", "b:1"].map(Endpoint::new).to_vec())).expect("it listens");
    let found = discovery.found().await;
    assert_eq!(*found.endpoints, ["a:1", "b:1"].map(Endpoint::new));
    let mut changes = discovery.changes();
    changes.mark_unchanged();
    tell.send(Ok(["a:1", "b:1"].map(Endpoint::new).to_vec())).expect("it listens");
    tell.send(Ok(Vec::new())).expect("it listens");
    changes.changed().await.expect("it lives");
    assert!(changes.borrow_and_update().endpoints.is_empty(), "only a source that says so leaves nothing");
}
