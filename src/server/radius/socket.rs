//! A UDP socket that reads many datagrams in one call and answers from the address that was asked.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;

use nix::sys::socket::{setsockopt, sockopt};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use rustix::net::sockopt::{
    Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover,
};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::radius::session::Peer;

/// Octets asked of the kernel for datagrams that wait; it may grant fewer. What does not fit is lost, and
/// the client sends it again.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;
/// One buffer takes what the kernel may hand over at once: several datagrams of one client in a row (GRO).
const BUFFER_BYTES: usize = 1 << 16;
/// Answers longer than this leave one by one: the system cuts up only what fits the path (GSO).
const SEGMENT_BYTES_MAX: usize = 1_200;
/// The most octets in one call.
const DATAGRAM_BYTES_MAX: usize = 65_507;

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
    /// Room for answers that leave together.
    joined: Vec<u8>,
}

impl RadiusSocket {
    /// Begins to read `socket`, in the runtime this is called in. Errors: the system's.
    pub(super) fn open(socket: BoundSocket) -> io::Result<RadiusSocket> {
        let state = UdpSocketState::new((&socket.0).into())?;
        let is_ipv6 = socket.0.local_addr()?.is_ipv6();
        allow_fragments(&socket.0, is_ipv6)?;
        // Made for QUIC, which measures its round trips by them.
        setsockopt(&socket.0, sockopt::ReceiveTimestampns, &false)?;
        let io = UdpSocket::from_std(socket.0)?;
        Ok(RadiusSocket {
            io,
            state,
            joined: Vec::new(),
        })
    }

    /// Waits for datagrams and puts them into `datagrams`. Loses none when cancelled.
    pub(super) async fn receive(&self, datagrams: &mut Datagrams) -> io::Result<()> {
        datagrams.filled = 0;
        let Datagrams {
            octets,
            metas,
            filled,
        } = datagrams;
        let read = || {
            let mut chunks = octets.chunks_exact_mut(BUFFER_BYTES);
            let mut buffers: [IoSliceMut<'_>; BATCH_SIZE] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
            self.state.recv((&self.io).into(), &mut buffers, metas)
        };
        *filled = self.io.async_io(Interest::READABLE, read).await?;
        Ok(())
    }

    /// Sends `answers`, which are [alike](Outgoing::is_like), in as few calls as the system allows; how many of them, from
    /// the first on, were sent before a call failed.
    pub(super) async fn send_together(&mut self, answers: &[Outgoing]) -> usize {
        let Some(Outgoing { peer, octets }) = answers.first() else {
            return 0;
        };
        let length = octets.len();
        let at_once = match length <= SEGMENT_BYTES_MAX {
            true => self
                .state
                .max_gso_segments()
                .min(DATAGRAM_BYTES_MAX / length.max(1)),
            false => 1,
        };
        let mut joined = std::mem::take(&mut self.joined);
        let mut sent = 0;
        for some in answers.chunks(at_once.max(1)) {
            joined.clear();
            some.iter()
                .for_each(|answer| joined.extend_from_slice(&answer.octets));
            let segment = (some.len() > 1).then_some(length);
            if self.transmit(*peer, &joined, segment).await.is_err() {
                break;
            }
            sent += some.len();
        }
        self.joined = joined;
        sent
    }

    /// Sends one answer. Errors: the system's.
    pub(super) async fn send(&self, answer: &Outgoing) -> io::Result<()> {
        self.transmit(answer.peer, &answer.octets, None).await
    }

    /// Sends to where `peer` came from, from the address it had asked. Waits while the socket's send buffer is full.
    async fn transmit(&self, peer: Peer, contents: &[u8], segment_size: Option<usize>) -> io::Result<()> {
        let transmit = Transmit {
            destination: peer.source,
            ecn: None,
            contents,
            segment_size,
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

/// `quinn-udp` has forbidden fragments, as QUIC wants it. An answer that echoes Proxy-State, and every EAP conversation,
/// is longer than many a path takes in one piece.
fn allow_fragments(socket: &std::net::UdpSocket, is_ipv6: bool) -> io::Result<()> {
    set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::DONT)?;
    if is_ipv6 {
        set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::DONT)?;
        setsockopt(socket, sockopt::Ipv6DontFrag, &false)?;
    }
    Ok(())
}

/// An answer on its way out.
pub(super) struct Outgoing {
    /// Whose request it answers.
    pub(super) peer: Peer,
    /// The sealed packet.
    pub(super) octets: Arc<[u8]>,
}

impl Outgoing {
    /// Whether both can leave in one call.
    pub(super) fn is_like(&self, other: &Outgoing) -> bool {
        self.peer == other.peer && self.octets.len() == other.octets.len()
    }
}

/// Room for what one call receives, used again and again.
pub(super) struct Datagrams {
    octets: Box<[u8]>,
    metas: [RecvMeta; BATCH_SIZE],
    filled: usize,
}

impl Datagrams {
    /// Room, with nothing in it.
    pub(super) fn new() -> Datagrams {
        Datagrams {
            octets: vec![0; BATCH_SIZE * BUFFER_BYTES].into(),
            metas: [RecvMeta::default(); BATCH_SIZE],
            filled: 0,
        }
    }

    /// What the last call received, in its order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Peer, &[u8])> {
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
