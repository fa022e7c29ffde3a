//! RADIUS clients: PAP Access-Requests with a right PIN, a fixed number in flight on each socket.

use std::io::{Error, Result};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};

use crate::people;
use crate::{Options, Tally};

/// An Access-Request with User-Name, User-Password and a Message-Authenticator (RFC 2865, RFC 3579).
fn access_request(id: u8, i: u64, salt: u64, secret: &[u8]) -> Vec<u8> {
    let mut authenticator = [0; 16];
    authenticator[..8].copy_from_slice(&salt.to_be_bytes());
    authenticator[8..].copy_from_slice(&i.to_be_bytes());
    let mut packet = vec![1, id, 0, 0];
    packet.extend_from_slice(&authenticator);
    let uid = people::uid(i);
    packet.extend_from_slice(&[1, uid.len() as u8 + 2]);
    packet.extend_from_slice(uid.as_bytes());
    packet.extend_from_slice(&[2, 18]);
    packet.extend_from_slice(&hidden(people::pin(i).as_bytes(), &authenticator, secret));
    packet.extend_from_slice(&[80, 18]);
    packet.extend_from_slice(&[0; 16]);
    let length = packet.len();
    packet[2..4].copy_from_slice(&(length as u16).to_be_bytes());
    let mac = Hmac::<Md5>::new_from_slice(secret)
        .expect("HMAC takes any key")
        .chain_update(&packet)
        .finalize();
    packet[length - 16..].copy_from_slice(&mac.into_bytes());
    packet
}

/// User-Password of at most 16 octets (RFC 2865 section 5.2).
fn hidden(pin: &[u8], authenticator: &[u8], secret: &[u8]) -> [u8; 16] {
    let mut block = [0; 16];
    block[..pin.len()].copy_from_slice(pin);
    let pad = Md5::new()
        .chain_update(secret)
        .chain_update(authenticator)
        .finalize();
    std::array::from_fn(|at| block[at] ^ pad[at])
}

/// `pap`: `--connections` sockets with `--in-flight` requests each.
pub fn pap(options: &Options) -> Result<Tally> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..options.number("connections", 4))
            .map(|number| scope.spawn(move || client(options, number)))
            .collect();
        let mut sum = Tally::default();
        for thread in threads {
            sum.add(thread.join().map_err(|_| Error::other("a client died"))??);
        }
        Ok(sum)
    })
}

fn client(options: &Options, number: u64) -> Result<Tally> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(options.text("addr", "127.0.0.1:1812"))?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    let people = options.number("people", 1000);
    let secret = options.text("secret", "testing123-testing123-long").as_bytes();
    let salt =
        Instant::now().elapsed().as_nanos() as u64 ^ u64::from(std::process::id()) << 32 ^ number << 48;
    let mut sent = 0;
    let mut send = |id: u8| {
        sent += 1;
        let i = (sent * 48_271 + number * 7919) % people;
        socket.send(&access_request(id, i, salt.wrapping_add(sent), secret))
    };
    let (mut tally, end) = (Tally::default(), Instant::now() + options.seconds());
    let mut open = options.number("in-flight", 8);
    for id in 0..open {
        send(id as u8)?;
    }
    let mut reply = [0; 4096];
    while open > 0 {
        socket.recv(&mut reply)?;
        match reply[0] {
            2 => tally.done += 1,
            _ => tally.wrong += 1,
        }
        open -= 1;
        if Instant::now() < end {
            send(reply[1])?;
            open += 1;
        }
    }
    Ok(tally)
}
