//! Binds every socket before anything else happens, so that a port in use is known at once.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use thiserror::Error;
use tokio::net::TcpListener;

use crate::server::boot::plan::Listen;
use crate::server::local::socket::{LocalSocket, LocalSocketError};
use crate::server::radius::socket::BoundSocket;

/// Why a socket is not listened on.
#[derive(Debug, Error)]
pub enum SocketError {
    /// An address is in use or not this machine's.
    #[error(transparent)]
    Address(#[from] BindError),
    /// A Unix socket.
    #[error(transparent)]
    Local(#[from] LocalSocketError),
}

/// An address that cannot be listened on.
#[derive(Debug, Error)]
#[error("cannot listen on {address} for {listener}: {source}")]
pub struct BindError {
    /// What should have listened there, as logs name it.
    pub listener: &'static str,
    /// Where.
    pub address: SocketAddr,
    /// The system's reason.
    pub source: io::Error,
}

/// Bound sockets, not served yet.
pub struct Sockets {
    /// LDAP with StartTLS.
    pub ldap: Vec<TcpListener>,
    /// LDAP over TLS.
    pub ldaps: Vec<TcpListener>,
    /// LDAP on Unix sockets.
    pub ldapi: Vec<LocalSocket>,
    /// RADIUS authentication.
    pub radius: Vec<BoundSocket>,
    /// RADIUS accounting.
    pub accounting: Vec<BoundSocket>,
    /// Health and metrics.
    pub admin: Vec<TcpListener>,
    /// The address of each, where port 0 has become the one that was taken.
    pub bound: Listen,
}

impl Sockets {
    /// Binds every address of `listen` and logs where; port 0 takes any. Must be called inside a tokio
    /// runtime. Errors: [`SocketError`] of the first that fails.
    pub fn bind(listen: &Listen) -> Result<Sockets, SocketError> {
        let mut bound = listen.clone();
        Ok(Sockets {
            ldap: all("ldap", &mut bound.ldap, tcp)?,
            ldaps: all("ldaps", &mut bound.ldaps, tcp)?,
            radius: all("radius", &mut bound.radius, udp)?,
            accounting: all("accounting", &mut bound.accounting, udp)?,
            admin: all("admin", &mut bound.admin, tcp)?,
            ldapi: bound
                .ldapi
                .iter()
                .map(|path| local(path))
                .collect::<Result<_, _>>()?,
            bound,
        })
    }
}

type Bound<S> = io::Result<(S, SocketAddr)>;

/// Binds each of `addresses`, and puts in its place what it was bound to.
fn all<S>(
    listener: &'static str,
    addresses: &mut [SocketAddr],
    bind: fn(SocketAddr) -> Bound<S>,
) -> Result<Vec<S>, BindError> {
    let one = |address: &mut SocketAddr| match bind(*address) {
        Ok((socket, bound)) => {
            tracing::info!(target: "beadle", listener, address = %bound, "listening");
            *address = bound;
            Ok(socket)
        }
        Err(source) => Err(BindError {
            listener,
            address: *address,
            source,
        }),
    };
    addresses.iter_mut().map(one).collect()
}

fn tcp(address: SocketAddr) -> Bound<TcpListener> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, Some(socket2::Protocol::TCP))?;
    if address.is_ipv6() {
        // [::] takes IPv4 as well, whatever the system's default is.
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from_std(socket.into())?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// Whoever is on this machine may connect, as to an address of its loopback.
const LOCAL_MODE: u32 = 0o666;

fn local(path: &Path) -> Result<LocalSocket, LocalSocketError> {
    let socket = LocalSocket::bind("LDAP", path, LOCAL_MODE)?;
    tracing::info!(target: "beadle", listener = "ldapi", path = %path.display(), "listening");
    Ok(socket)
}

/// Connections that wait to be accepted; the system turns away what is beyond.
const BACKLOG: i32 = 1024;

fn udp(address: SocketAddr) -> Bound<BoundSocket> {
    let socket = BoundSocket::bind(address)?;
    let bound = socket.local_addr()?;
    Ok((socket, bound))
}
