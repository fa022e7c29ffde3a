//! A UDP socket that reads many datagrams in one call and answers from the address that was asked.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::radius::session::Peer;

/// Octets asked of the kernel for datagrams that wait; it may grant fewer. What does not fit is lost, and
/// the client sends it again.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;
/// One buffer takes what the kernel may hand over at once: several datagrams of one client in a row (GRO).
const BUFFER_BYTES: usize = 1 << 16;

/// A bound socket that nobody reads yet.
pub struct BoundSocket(std::net::UdpSocket);

impl BoundSocket {
    /// Binds `address`. `[::]` takes IPv4 as well.
    ///
    /// Errors: the system's, such as `AddrInUse` and `PermissionDenied`.
    pub fn bind(address: SocketAddr) -> io::Result<BoundSocket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(!address.ip().is_unspecified())?;
        }
        // Smaller is no error: the kernel's limit is the administrator's affair.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        Ok(BoundSocket(socket.into()))
    }

    /// The address it is bound to. Errors: the system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A socket being read.
pub(super) struct RadiusSocket {
    io: UdpSocket,
    state: UdpSocketState,
}

impl RadiusSocket {
    /// Begins to read `socket`, in the runtime this is called in. Errors: the system's.
    pub(super) fn open(socket: BoundSocket) -> io::Result<RadiusSocket> {
        let state = UdpSocketState::new((&socket.0).into())?;
        let io = UdpSocket::from_std(socket.0)?;
        Ok(RadiusSocket { io, state })
    }

    /// Waits for datagrams and puts them into `batch`. Loses none when cancelled.
    pub(super) async fn receive(&self, batch: &mut Batch) -> io::Result<()> {
        batch.filled = 0;
        let Batch {
            octets,
            metas,
            filled,
        } = batch;
        let read = || {
            let mut chunks = octets.chunks_exact_mut(BUFFER_BYTES);
            let mut buffers: [IoSliceMut<'_>; BATCH_SIZE] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
            self.state.recv((&self.io).into(), &mut buffers, metas)
        };
        *filled = self.io.async_io(Interest::READABLE, read).await?;
        Ok(())
    }

    /// Sends `octets` to where `peer` came from, from the address it had asked. Waits while the socket's
    /// send buffer is full. Errors: the system's.
    pub(super) async fn send(&self, peer: Peer, octets: &[u8]) -> io::Result<()> {
        let transmit = Transmit {
            destination: peer.source,
            ecn: None,
            contents: octets,
            segment_size: None,
            src_ip: peer.local,
        };
        let write = || self.state.try_send((&self.io).into(), &transmit);
        match self.io.try_io(Interest::WRITABLE, write) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.io.async_io(Interest::WRITABLE, write).await
            }
            sent => sent,
        }
    }
}

/// Room for what one call receives, used again and again.
pub(super) struct Batch {
    octets: Box<[u8]>,
    metas: [RecvMeta; BATCH_SIZE],
    filled: usize,
}

impl Batch {
    /// An empty batch.
    pub(super) fn new() -> Batch {
        Batch {
            octets: vec![0; BATCH_SIZE * BUFFER_BYTES].into(),
            metas: [RecvMeta::default(); BATCH_SIZE],
            filled: 0,
        }
    }

    /// What the last call received, in its order.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = (Peer, &[u8])> {
        let filled = self
            .octets
            .chunks_exact(BUFFER_BYTES)
            .zip(&self.metas)
            .take(self.filled);
        filled.flat_map(|(octets, meta)| {
            let peer = Peer {
                source: meta.addr,
                local: meta.dst_ip,
            };
            let octets = octets.get(..meta.len).unwrap_or_default();
            // `chunks` makes nothing of an empty datagram, which is one all the same.
            let empty = octets.is_empty().then_some(octets);
            let datagrams = empty.into_iter().chain(octets.chunks(meta.stride.max(1)));
            datagrams.map(move |datagram| (peer, datagram))
        })
    }
}
