//! One open connection, and the certainty that it can be got rid of.

use std::future::pending;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::tcp::{AsyncTcpStream, OwnedIdentity, OwnedTLSConfig};
use lapin::{Channel, Connection, ConnectionProperties, ConnectionStatus, Event};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::confirms::Confirms;
use super::error::{self, ConnectError};
use super::screen::{Kit, Screened};
use super::settings::{AmqpSettings, Tls};
use super::uri::Endpoint;

/// How often it is checked that the connection is still there, beside what lapin reports by itself.
const CHECK: Duration = Duration::from_millis(500);

/// How often it is looked whether a connection is closed; that is a matter of microseconds.
const CLOSED: Duration = Duration::from_millis(1);

type Reason = Arc<str>;

/// An open connection. When it is dropped its socket is shut down, whatever state lapin's thread is in.
pub(super) struct Link {
    connection: Connection,
    plug: Plug,
    /// The broker, without user and password.
    broker: String,
    opened: Instant,
    patience: Duration,
    lost: watch::Receiver<Option<Reason>>,
    blocked: watch::Receiver<Option<Reason>>,
    confirms: Confirms,
}

/// A second handle to the socket of a connection. lapin gives up neither thread nor socket when a connection attempt is
/// abandoned or its peer falls silent; shutting the socket down makes it let go of both.
struct Plug(TcpStream);

impl Plug {
    fn pull(&self) {
        // Fails only when the peer was faster.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl Drop for Plug {
    fn drop(&mut self) {
        self.pull();
    }
}

impl Link {
    /// Connects within the time that the settings allow.
    pub(super) async fn open(
        endpoint: &Endpoint,
        settings: &AmqpSettings,
        purpose: &str,
    ) -> Result<Arc<Self>, ConnectError> {
        let deadline = Instant::now() + settings.connect_timeout;
        let unreachable = |detail: String| ConnectError::Unreachable { uri: endpoint.to_string(), detail };
        let late = |what: &str| unreachable(format!("{what} within {:?}", settings.connect_timeout));
        let runtime = lapin::runtime::default_runtime().map_err(|error| unreachable(error.to_string()))?;

        let connecting = async {
            let addresses: Vec<_> = tokio::net::lookup_host((endpoint.host(), endpoint.port())).await?.collect();
            let stream = AsyncTcpStream::connect(&runtime, addresses).await?;
            let AsyncTcpStream::Plain(plain) = &stream else {
                return Err(io::Error::other("the socket is no plain one"));
            };
            plain.get_ref().set_nodelay(true)?;
            let plug = Plug(duplicate(plain.get_ref())?);
            Ok((stream, plug))
        };
        let (mut stream, plug) = match tokio::time::timeout_at(deadline, connecting).await {
            Ok(connected) => connected.map_err(|error| unreachable(error.to_string()))?,
            Err(_) => return Err(late("no connection")),
        };
        if endpoint.is_tls() {
            let config = tls_config(&settings.tls);
            stream = match tokio::time::timeout_at(deadline, stream.into_tls(endpoint.host(), config.as_ref())).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return Err(tls_error(endpoint, &error)),
                Err(_) => return Err(late("no TLS handshake")),
            };
        }

        let confirms = Confirms::default();
        // lapin asks for a socket as often as it likes to connect, which with its recovery off is once.
        let slot = Mutex::new(Some(AsyncTcpStream::Plain(Screened::new(stream, confirms.clone()))));
        let connector = async move |_, _| {
            let stream = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
            stream.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionAborted).into())
        };
        let heartbeat = announced(settings.heartbeat);
        let name = format!("{} {purpose}", settings.name);
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let handshake = {
            let (uri, runtime) = (endpoint.with_heartbeat(heartbeat), async_rs::Runtime::new(Kit(runtime)));
            Connection::connector(uri, runtime, connector, properties)
        };
        let connection = match tokio::time::timeout_at(deadline, handshake).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Err(refusal(endpoint, &error)),
            Err(_) => return Err(late("no answer to the handshake")),
        };

        let (lost_tx, lost) = watch::channel(None);
        let (blocked_tx, blocked) = watch::channel(None);
        let events = connection.events_listener();
        tokio::spawn(observe(connection.status().clone(), events, lost_tx, blocked_tx));
        Ok(Arc::new(Self {
            connection,
            plug,
            broker: endpoint.to_string(),
            opened: Instant::now(),
            patience: settings.connect_timeout,
            lost,
            blocked,
            confirms,
        }))
    }

    /// When the handshake was done.
    pub(super) fn opened(&self) -> Instant {
        self.opened
    }

    /// Which broker it leads to, without user and password.
    pub(super) fn broker(&self) -> &str {
        &self.broker
    }

    /// Whether it can still be used, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        self.connection.status().connected() && self.lost.borrow().is_none()
    }

    /// How many bytes one frame may have.
    pub(super) fn frame_max(&self) -> usize {
        self.connection.configuration().frame_max() as usize
    }

    /// Opens a channel. On a blocked connection that hangs, hence the limit in time.
    pub(super) async fn channel(&self) -> Result<Channel, lapin::Error> {
        match timeout(self.patience, self.connection.create_channel()).await {
            Ok(channel) => channel,
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
        }
    }

    /// What the broker says of what was published.
    pub(super) fn confirms(&self) -> &Confirms {
        &self.confirms
    }

    /// Why the broker takes no messages, while it does not.
    pub(super) fn blocked(&self) -> watch::Receiver<Option<Reason>> {
        self.blocked.clone()
    }

    /// Waits until the connection is gone, and says why.
    pub(super) async fn lost(&self) -> Reason {
        let mut lost = self.lost.clone();
        match lost.wait_for(Option::is_some).await.map(|cause| cause.clone()) {
            Ok(Some(cause)) => cause,
            _ => Arc::from("the connection was closed"),
        }
    }

    /// Closes the connection properly if that goes within `grace`, and shuts the socket down in any case.
    pub(super) async fn close(&self, grace: Duration) {
        let closing = async {
            // A channel that was dropped is closed by a task of lapin's, and if that only begins when the connection is closing
            // itself, lapin takes it for a broken connection. By the time that the broker has opened and closed one more it has begun.
            if self.blocked.borrow().is_none()
                && let Ok(last) = self.connection.create_channel().await
            {
                let _ = last.close(200, "the last".into()).await;
            }
            if self.connection.close(200, "closed by the service".into()).await.is_ok() {
                // lapin answers a moment before it knows itself, and takes a socket that goes down in between for a broken one.
                while self.connection.status().closing() {
                    sleep(CLOSED).await;
                }
            }
        };
        // Nothing to be done about an error: the socket goes down below.
        let _ = timeout(grace, closing).await;
        self.plug.pull();
    }

    /// Shuts the socket down.
    pub(super) fn cut(&self) {
        self.plug.pull();
    }
}

/// Turns lapin's events into two states. The events of a connection reach one listener only, so this is the only one.
async fn observe(
    status: ConnectionStatus,
    events: impl futures_util::Stream<Item = Event>,
    lost: watch::Sender<Option<Reason>>,
    blocked: watch::Sender<Option<Reason>>,
) {
    let mut events = pin!(events);
    let mut check = interval(CHECK);
    check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut cause = None;
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Event::ConnectionBlocked(reason)) => { blocked.send_replace(Some(reason.into())); }
                Some(Event::ConnectionUnblocked) => { blocked.send_replace(None); }
                // Errors of channels come this way too; the status below tells them apart.
                Some(Event::Error(error)) => cause = Some(error::words(&error)),
                Some(_) => {}
                None => pending().await,
            },
            _ = check.tick() => {}
            () = lost.closed() => return,
        }
        if !status.connected() {
            let cause = cause.unwrap_or_else(|| "the connection was closed".to_owned());
            lost.send_replace(Some(cause.into()));
            return;
        }
    }
}

/// The heartbeat to agree on, in seconds. lapin looks every half of it whether two are missing, so that less than what is set
/// must be announced for a silence to be noticed within twice what is set.
fn announced(heartbeat: Duration) -> u16 {
    u16::try_from(heartbeat.as_secs() * 4 / 5).unwrap_or(u16::MAX).max(1)
}

#[cfg(unix)]
fn duplicate(socket: &tokio::net::TcpStream) -> io::Result<TcpStream> {
    use std::os::fd::AsFd;
    Ok(TcpStream::from(socket.as_fd().try_clone_to_owned()?))
}

#[cfg(windows)]
fn duplicate(socket: &tokio::net::TcpStream) -> io::Result<TcpStream> {
    use std::os::windows::io::AsSocket;
    Ok(TcpStream::from(socket.as_socket().try_clone_to_owned()?))
}

fn tls_config(tls: &Tls) -> OwnedTLSConfig {
    OwnedTLSConfig {
        identity: tls.identity.as_ref().map(|identity| OwnedIdentity::PKCS8 {
            pem: identity.certificates.clone().into_bytes(),
            key: identity.key.clone().into_bytes(),
        }),
        cert_chain: tls.authorities.clone(),
    }
}

/// A wrong certificate is a fault of the settings; a peer that breaks off may just be restarting.
fn tls_error(endpoint: &Endpoint, error: &io::Error) -> ConnectError {
    let (uri, detail) = (endpoint.to_string(), error.to_string());
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
            ConnectError::Tls { uri, detail }
        }
        _ => ConnectError::Unreachable { uri, detail },
    }
}

fn refusal(endpoint: &Endpoint, error: &lapin::Error) -> ConnectError {
    let uri = endpoint.to_string();
    // The broker's own words name the user, so they are not repeated.
    match error::code(error) {
        Some(403) => ConnectError::Credentials { uri },
        Some(530) => ConnectError::VirtualHost {
            uri,
            vhost: endpoint.vhost().to_owned(),
            detail: if error::words(error).contains("not found") { "it does not exist" } else { "access is refused" },
        },
        _ => ConnectError::Unreachable { uri, detail: error::words(error) },
    }
}
