//! A broker inside the process whose queues live in a SQLite file: the embedded default.
//!
//! It is the engine of [`memory`](super::memory) with a journal. A confirm means that the message is in the file, and, unless
//! [`Options::power_loss`] says otherwise, that it would survive the machine's losing power. What a process held when it
//! was killed is delivered again after the next start, marked as redelivered.
//!
//! Changes are written by one task, as many at once as have come in the meantime: the more publishers there are, the fewer
//! transactions each message costs. One process at a time may have the file open.

mod batch;
mod file;
mod journal;

use std::collections::HashMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Weak};

use tokio::sync::{Mutex, watch};

use super::driver::ConnectionState;
use super::engine::Engine;
use crate::{Error, ErrorKind, Result, ResultExt};
use journal::Journal;

pub use super::engine::Embedded;
#[cfg(any(test, feature = "testing"))]
pub use super::engine::{Faults, PublishFault};

static OPEN: LazyLock<Mutex<HashMap<PathBuf, Weak<Engine>>>> = LazyLock::new(Mutex::default);

/// A broker whose queues live in a SQLite file. Clones are the same broker; what it can do is what every [`Embedded`] one can.
#[derive(Clone)]
pub struct Broker(Embedded);

/// How a local broker keeps its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether a confirm waits until the disk has the message, so that it survives a loss of power and not just of the process.
    pub power_loss: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { power_loss: true }
    }
}

impl Broker {
    /// Opens the broker in the file at `path`, which is made if there is none; its folder must exist.
    ///
    /// Within a process a path is opened once and shared, so that its services meet.
    ///
    /// # Errors
    /// The file cannot be written, is no broker's, was made by a later version, or is open in another process.
    pub async fn open(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        let path = path.as_ref();
        let broker = Self::open_shared(path, options).await;
        broker.context(format!("the local broker's file `{}` cannot be opened", path.display())).kind(ErrorKind::Config)
    }

    async fn open_shared(path: &Path, options: Options) -> Result<Self> {
        let path = absolute(path)?;
        let mut open = OPEN.lock().await;
        if let Some(engine) = open.get(&path).and_then(Weak::upgrade) {
            return Ok(Self(Embedded::new(engine)));
        }
        let mut file = file::open(&path, options).await?;
        let state = file::restore(&mut file).await?;
        let (trouble, troubles) = watch::channel(None);
        let engine = Arc::new(Engine::new("local", state, Box::new(Journal::start(file, trouble))));
        engine.resume();
        tokio::spawn(tell(Arc::downgrade(&engine), troubles));
        open.retain(|_, engine| engine.strong_count() > 0);
        open.insert(path, Arc::downgrade(&engine));
        Ok(Self(Embedded::new(engine)))
    }
}

impl Deref for Broker {
    type Target = Embedded;

    fn deref(&self) -> &Embedded {
        &self.0
    }
}

/// Blocks publishers while the file cannot be written, as a broker does whose disk is full.
async fn tell(engine: Weak<Engine>, mut troubles: watch::Receiver<Option<Arc<str>>>) {
    while troubles.changed().await.is_ok() {
        let connection = match &*troubles.borrow_and_update() {
            Some(trouble) => ConnectionState::Blocked(trouble.clone()),
            None => ConnectionState::Connected,
        };
        match engine.upgrade() {
            Some(engine) => engine.set_connection(connection),
            None => return,
        }
    }
}

/// The same file under every spelling of its path.
fn absolute(path: &Path) -> Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| Error::msg("the path names no file"))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().context(format!("its folder `{}` cannot be entered", folder.display()))?;
    Ok(folder.join(name))
}

#[cfg(test)]
mod tests;
