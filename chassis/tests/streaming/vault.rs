//! A service that keeps files, and does with them as it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chassis::prelude::*;
use chassis::testing::{RunningApp, TestApp};
use futures_util::stream;
use tokio::sync::Semaphore;

pub const PIECE: usize = 64 * 1024;
pub const MIB: usize = 1 << 20;

#[derive(Debug, ApiError)]
pub enum VaultError {
    #[api(status = 404, message = "there is no {name}")]
    NoSuchFile { name: String },
    #[api(unexpected)]
    Unexpected(Error),
}

impl VaultError {
    pub fn unexpected(self) -> Error {
        match self {
            Self::Unexpected(error) => error,
            other => panic!("{other:?}"),
        }
    }
}

#[model]
pub struct Rows {
    pub count: usize,
}

#[model]
#[derive(PartialEq)]
pub struct Stored {
    pub name: String,
    pub bytes: usize,
    pub wrong: usize,
    pub kind: String,
    pub tag: Option<String>,
}

#[contract(name = "vault", version = 1)]
pub trait Vault {
    /// A file.
    #[get("/files/{name}", timeout = "20s")]
    async fn fetch(&self, name: String) -> Result<ByteStream, VaultError>;

    /// Rows as a table.
    #[get("/report", content_type = "text/csv", timeout = "20s")]
    async fn report(&self, rows: Rows) -> Result<Reply<ByteStream>, VaultError>;

    /// Keeps a file.
    #[put("/files/{name}", body_limit = "100 MiB", timeout = "20s")]
    async fn store(
        &self,
        name: String,
        #[header("content-type")] kind: Option<String>,
        #[header("x-tag")] tag: Option<String>,
        #[body] file: ByteStream,
    ) -> Result<Stored, VaultError>;

    /// The same in capitals, as it comes.
    #[post("/capitals", content_type = "text/plain", body_limit = "100 MiB", timeout = "20s")]
    async fn capitals(&self, text: ByteStream) -> Result<ByteStream, VaultError>;

    /// Takes little.
    #[post("/notes", body_limit = "100 kB")]
    async fn note(&self, note: ByteStream) -> Result<usize, VaultError>;

    /// Whether it is there.
    #[get("/ping")]
    async fn ping(&self) -> Result<usize, VaultError>;
}

/// What it is told, and what it has seen.
#[derive(Default)]
pub struct Told {
    /// How many pieces of its files were produced.
    pub produced: AtomicUsize,
    /// How many of its files are not read or let go of yet.
    pub open: AtomicUsize,
    /// How many pieces it has read.
    pub read: AtomicUsize,
    /// How many calls have reached it.
    pub calls: AtomicUsize,
    /// How many calls are to fail before they begin.
    pub fails: AtomicUsize,
    /// Whether files and readers wait for `gate` after their first piece.
    pub waits: AtomicBool,
    /// Whether its files break off.
    pub breaks: AtomicBool,
    /// How much time the last call had, in milliseconds.
    pub left: AtomicUsize,
    pub gate: Gate,
}

/// A gate that is shut.
pub struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
}

impl Gate {
    async fn pass(&self) {
        self.0.acquire().await.unwrap().forget();
    }

    pub fn open(&self) {
        self.0.add_permits(1_000_000);
    }
}

pub struct VaultService(pub Arc<Told>);

#[service(name = "vault", provides(Vault))]
impl VaultService {}

/// A file that knows whether somebody still reads it.
struct Open(Arc<Told>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What a piece of every file consists of.
fn mark(piece: usize) -> u8 {
    piece as u8
}

/// Goes on with the next bytes of a file: how many there were, and how many of their pieces are wrong.
pub fn check((mut at, mut wrong): (usize, usize), mut bytes: &[u8]) -> (usize, usize) {
    while !bytes.is_empty() {
        let (part, rest) = bytes.split_at(bytes.len().min(PIECE - at % PIECE));
        wrong += usize::from(part != vec![mark(at / PIECE); part.len()]);
        (at, bytes) = (at + part.len(), rest);
    }
    (at, wrong)
}

/// So many bytes, in pieces that are made when they are asked for; it fails after `fails_at` of them.
pub fn file(bytes: usize, fails_at: Option<usize>, told: Arc<Told>) -> ByteStream {
    told.open.fetch_add(1, Ordering::SeqCst);
    ByteStream::new(stream::try_unfold((0, Open(told)), move |(at, open)| async move {
        if at > 0 && open.0.waits.load(Ordering::SeqCst) {
            open.0.gate.pass().await;
        }
        if fails_at.is_some_and(|fails_at| at >= fails_at) {
            return Err(Error::msg("the password is hunter2"));
        }
        if at == bytes {
            return Ok(None);
        }
        open.0.produced.fetch_add(1, Ordering::SeqCst);
        let end = bytes.min(at + PIECE);
        Ok(Some((vec![mark(at / PIECE); end - at], (end, open))))
    }))
}

/// Reads all of it; gives how much that was.
pub async fn drained(mut stream: ByteStream) -> Result<usize> {
    let mut got = 0;
    while let Some(piece) = stream.chunk().await? {
        got += piece.len();
    }
    Ok(got)
}

impl VaultService {
    fn begin(&self) -> Result<(), VaultError> {
        let left = Context::current().remaining().unwrap_or_default();
        self.0.left.store(left.as_millis() as usize, Ordering::SeqCst);
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        let fails = self.0.fails.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if fails { Err(Error::new(ErrorKind::Unavailable, "it was told to").into()) } else { Ok(()) }
    }
}

impl Vault for VaultService {
    async fn fetch(&self, name: String) -> Result<ByteStream, VaultError> {
        self.begin()?;
        match name.split_once('-') {
            Some(("broken", at)) => Ok(file(64 * MIB, Some(at.parse()?), Arc::clone(&self.0))),
            Some(("whole", bytes)) => Ok(vec![7; bytes.parse()?].into()),
            Some(("file", bytes)) => {
                let bytes = bytes.parse()?;
                let fails_at = self.0.breaks.load(Ordering::SeqCst).then_some(bytes / 2);
                Ok(file(bytes, fails_at, Arc::clone(&self.0)))
            }
            _ => Err(VaultError::NoSuchFile { name }),
        }
    }

    async fn report(&self, rows: Rows) -> Result<Reply<ByteStream>, VaultError> {
        let rows = (0..rows.count).map(|row| Ok::<_, Error>(format!("{row}\n")));
        Ok(Reply::new(ByteStream::new(stream::iter(rows))).with_header("etag", "\"7\""))
    }

    async fn store(
        &self,
        name: String,
        kind: Option<String>,
        tag: Option<String>,
        mut file: ByteStream,
    ) -> Result<Stored, VaultError> {
        self.begin()?;
        let mut got = (0, 0);
        while let Some(piece) = file.chunk().await? {
            self.0.read.fetch_add(1, Ordering::SeqCst);
            got = check(got, &piece);
            if self.0.waits.load(Ordering::SeqCst) {
                self.0.gate.pass().await;
            }
        }
        Ok(Stored { name, bytes: got.0, wrong: got.1, kind: kind.unwrap_or_default(), tag })
    }

    async fn capitals(&self, text: ByteStream) -> Result<ByteStream, VaultError> {
        use futures_util::TryStreamExt;
        Ok(ByteStream::new(text.map_ok(|piece| piece.to_ascii_uppercase())))
    }

    async fn note(&self, note: ByteStream) -> Result<usize, VaultError> {
        self.begin()?;
        Ok(drained(note).await?)
    }

    async fn ping(&self) -> Result<usize, VaultError> {
        let left = Context::current().remaining().unwrap_or_default();
        self.0.left.store(left.as_millis() as usize, Ordering::SeqCst);
        Ok(self.0.calls.load(Ordering::SeqCst))
    }
}

struct Caller;

#[service(name = "caller")]
impl Caller {
    #[init]
    async fn new(_: VaultClient) -> Result<Self> {
        Ok(Self)
    }
}

pub async fn vault() -> (RunningApp, Arc<Told>) {
    let told = Arc::<Told>::default();
    let app = TestApp::new().service(VaultService(Arc::clone(&told))).start().await;
    (app.unwrap_or_else(|error| panic!("{error:#}")), told)
}

/// A process that calls what listens there, with these settings of `[clients.vault]`.
pub async fn caller(port: u16, settings: &str) -> (RunningApp, VaultClient) {
    let settings = format!("[clients.vault]\nurl = 'http://127.0.0.1:{port}'\n{settings}");
    let app = TestApp::new().service(Caller::new).settings(settings).start().await;
    let app = app.unwrap_or_else(|error| panic!("{error:#}"));
    let client = app.client::<VaultClient>().await.unwrap_or_else(|error| panic!("{error:#}"));
    (app, client)
}

/// Both, with what was told.
pub struct Pair {
    pub server: RunningApp,
    pub told: Arc<Told>,
    pub _caller: RunningApp,
    pub client: VaultClient,
}

pub async fn pair(settings: &str) -> Pair {
    let (server, told) = vault().await;
    let (_caller, client) = caller(server.address("vault").port(), settings).await;
    Pair { server, told, _caller, client }
}

/// Waits until `count` stands still while the service answers many calls.
pub async fn settled(client: &VaultClient, count: &AtomicUsize) -> usize {
    let mut last = usize::MAX;
    let mut still = 0;
    while still < 100 {
        client.ping().await.unwrap();
        let now = count.load(Ordering::SeqCst);
        still = if now == last { still + 1 } else { 0 };
        last = now;
    }
    last
}
