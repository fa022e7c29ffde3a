//! LDAP clients that keep a fixed number of requests in flight on each connection.

use std::io::{Error, Read, Result, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::people::{self, SUFFIX};
use crate::{Options, Tally};

pub(crate) fn tlv(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match body.len() {
        short @ 0..=127 => out.push(short as u8),
        long => out.extend_from_slice(&[0x82, (long >> 8) as u8, long as u8]),
    }
    out.extend_from_slice(body);
    out
}

pub(crate) fn message(id: u32, operation: &[u8]) -> Vec<u8> {
    tlv(
        0x30,
        &[&tlv(0x02, &(id & 0x7fff_ffff).to_be_bytes())[..], operation].concat(),
    )
}

fn bind_request(id: u32, dn: &str, pin: &str) -> Vec<u8> {
    let body = [
        &[2, 1, 3][..],
        &tlv(0x04, dn.as_bytes()),
        &tlv(0x80, pin.as_bytes()),
    ]
    .concat();
    message(id, &tlv(0x60, &body))
}

/// `(uid=…)`.
fn by_uid(uid: &str) -> Vec<u8> {
    tlv(0xa3, &[tlv(0x04, b"uid"), tlv(0x04, uid.as_bytes())].concat())
}

/// `(mail=*…@*)` with a UID without its letter.
fn by_part_of_mail(uid: &str) -> Vec<u8> {
    let part = tlv(0x81, format!("{}@", &uid[1..]).as_bytes());
    tlv(0xa4, &[tlv(0x04, b"mail"), tlv(0x30, &part)].concat())
}

fn search_request(id: u32, filter: &[u8]) -> Vec<u8> {
    let fixed = [0x0a, 1, 2, 0x0a, 1, 0, 2, 1, 0, 2, 1, 0, 1, 1, 0];
    let body = [&tlv(0x04, SUFFIX.as_bytes())[..], &fixed, filter, &tlv(0x30, b"")].concat();
    message(id, &tlv(0x63, &body))
}

/// One connection with a receive buffer that messages are counted in.
pub(crate) struct Connection {
    pub stream: TcpStream,
    pub buffer: Vec<u8>,
    pub filled: usize,
}

/// What came in one read: finished operations with result code 0 and with another, and entries.
#[derive(Default)]
struct Came {
    good: u64,
    bad: u64,
    entries: u64,
}

impl Connection {
    fn open(address: &str) -> Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Connection {
            stream,
            buffer: vec![0; 1 << 18],
            filled: 0,
        })
    }

    pub(crate) fn bound(address: &str, options: &Options) -> Result<Connection> {
        let mut connection = Connection::open(address)?;
        let dn = options.text("bind-dn", "");
        if !dn.is_empty() {
            connection
                .stream
                .write_all(&bind_request(1, dn, options.text("bind-pin", "")))?;
            if connection.receive()?.good != 1 {
                return Err(Error::other("the bind was refused"));
            }
        }
        Ok(connection)
    }

    /// Reads once and counts whole messages.
    fn receive(&mut self) -> Result<Came> {
        let mut came = Came::default();
        while came.good + came.bad == 0 {
            let read = self.stream.read(&mut self.buffer[self.filled..])?;
            if read == 0 {
                return Err(Error::other("the server closed the connection"));
            }
            self.filled += read;
            let used = count(&self.buffer[..self.filled], &mut came);
            self.buffer.copy_within(used..self.filled, 0);
            self.filled -= used;
        }
        Ok(came)
    }
}

/// Header size and body length of the element at the start of `bytes`, if they are all there.
pub(crate) fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = usize::from(*bytes.get(1)?);
    if first < 0x80 {
        return Some((2, first));
    }
    let digits = bytes.get(2..2 + (first & 0x7f))?;
    Some((
        2 + digits.len(),
        digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)),
    ))
}

fn count(bytes: &[u8], came: &mut Came) -> usize {
    let mut at = 0;
    while let Some((size, length)) = header(&bytes[at..]) {
        let Some(body) = bytes.get(at + size..at + size + length) else {
            break;
        };
        let (id_size, id_length) = header(body).unwrap_or((0, 0));
        let operation = &body[id_size + id_length..];
        match operation[0] {
            0x64 => came.entries += 1,
            _ => {
                let (size, _) = header(operation).unwrap_or((0, 0));
                match operation.get(size + 2) {
                    Some(0) => came.good += 1,
                    _ => came.bad += 1,
                }
            }
        }
        at += size + length;
    }
    at
}

/// Runs `client(number)` on `--connections` threads and adds up what they did.
fn on_connections(options: &Options, client: impl Fn(u64) -> Result<Tally> + Sync) -> Result<Tally> {
    std::thread::scope(|scope| {
        let client = &client;
        let threads: Vec<_> = (0..options.number("connections", 4))
            .map(|number| scope.spawn(move || client(number)))
            .collect();
        let mut sum = Tally::default();
        for thread in threads {
            sum.add(thread.join().map_err(|_| Error::other("a client died"))??);
        }
        Ok(sum)
    })
}

/// `search`: `(uid=…)` below the suffix, or with `--by part` `(mail=*…@*)`, all user attributes, each answered
/// by one entry.
pub fn search(options: &Options) -> Result<Tally> {
    let (people, in_flight) = (options.number("people", 1000), options.number("in-flight", 8));
    let filter = match options.text("by", "uid") {
        "part" => by_part_of_mail,
        _ => by_uid,
    };
    on_connections(options, |number| {
        let mut connection = Connection::bound(options.text("addr", "127.0.0.1:3389"), options)?;
        let mut tally = Tally::default();
        let (mut next, end) = (number * 7919, Instant::now() + options.seconds());
        let requests: Vec<Vec<u8>> = (0..people.min(20_000))
            .map(|i| search_request(i as u32 + 2, &filter(&people::uid(i * 48_271 % people))))
            .collect();
        let mut batch = Vec::new();
        let (mut wanted, mut open, mut entries) = (in_flight, 0, 0);
        while wanted > 0 || open > 0 {
            batch.clear();
            for _ in 0..wanted {
                batch.extend_from_slice(&requests[next as usize % requests.len()]);
                next += 1;
            }
            connection.stream.write_all(&batch)?;
            open += wanted;
            let came = connection.receive()?;
            open -= came.good + came.bad;
            tally.done += came.good;
            tally.wrong += came.bad;
            entries += came.entries;
            wanted = if Instant::now() < end {
                came.good + came.bad
            } else {
                0
            };
        }
        // Each search finds one entry, which may come in an earlier read than the end of its search.
        tally.wrong += tally.done.abs_diff(entries);
        Ok(tally)
    })
}

/// `bind`: a simple bind with the right PIN, one after the other on each connection, another person each time.
pub fn bind(options: &Options) -> Result<Tally> {
    let people = options.number("people", 1000);
    on_connections(options, |number| {
        let mut connection = Connection::open(options.text("addr", "127.0.0.1:3389"))?;
        let mut tally = Tally::default();
        let (mut next, end) = (number * 7919, Instant::now() + options.seconds());
        while Instant::now() < end {
            let i = next * 48_271 % people;
            let dn = format!("uid={},ou=people,{SUFFIX}", people::uid(i));
            connection
                .stream
                .write_all(&bind_request(next as u32 + 2, &dn, &people::pin(i)))?;
            let came = connection.receive()?;
            tally.done += came.good;
            tally.wrong += came.bad;
            next += 1;
        }
        Ok(tally)
    })
}

/// Replaces `telephoneNumber` of the person with the UID `uid`.
fn modify_request(id: u32, uid: &str, number: u64) -> Vec<u8> {
    let dn = format!("uid={uid},ou=people,{SUFFIX}");
    let values = tlv(0x31, &tlv(0x04, format!("+852 {number:08}").as_bytes()));
    let attribute = tlv(0x30, &[tlv(0x04, b"telephoneNumber"), values].concat());
    let step = tlv(0x30, &[&[0x0a, 1, 2][..], &attribute].concat());
    let body = [tlv(0x04, dn.as_bytes()), tlv(0x30, &step)].concat();
    message(id, &tlv(0x66, &body))
}

/// `modify`: another telephone number, one after the other on each connection, of another person each time, as
/// `--bind-dn`.
pub fn modify(options: &Options) -> Result<Tally> {
    let people = options.number("people", 1000);
    on_connections(options, |number| {
        let mut connection = Connection::bound(options.text("addr", "127.0.0.1:3389"), options)?;
        let mut tally = Tally::default();
        let (mut next, end) = (number * 7919, Instant::now() + options.seconds());
        while Instant::now() < end {
            let uid = people::uid(next * 48_271 % people);
            connection
                .stream
                .write_all(&modify_request(next as u32 + 2, &uid, next % 100_000_000))?;
            let came = connection.receive()?;
            tally.done += came.good;
            tally.wrong += came.bad;
            next += 1;
        }
        Ok(tally)
    })
}

/// `latency`: `(uid=…)` on one connection, `--rate` a second; prints what half and what 99 in 100 of the answers took at
/// the most, in microseconds.
pub fn latency(options: &Options) -> Result<()> {
    let (people, rate) = (options.number("people", 1000), options.number("rate", 500));
    let mut connection = Connection::bound(options.text("addr", "127.0.0.1:3389"), options)?;
    let (start, mut took) = (Instant::now(), Vec::new());
    while start.elapsed() < options.seconds() {
        let due = Duration::from_secs(1) * took.len() as u32 / rate as u32;
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        let uid = people::uid(took.len() as u64 * 48_271 % people);
        let asked = Instant::now();
        connection
            .stream
            .write_all(&search_request(took.len() as u32 + 2, &by_uid(&uid)))?;
        if connection.receive()?.bad != 0 {
            return Err(Error::other("a search was refused"));
        }
        took.push(asked.elapsed().as_micros());
    }
    took.sort_unstable();
    let at_most = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
    println!("{{\"p50_us\":{},\"p99_us\":{}}}", at_most(50), at_most(99));
    Ok(())
}

/// `first`: waits until the server answers a search with an entry and prints how long that took, in ms,
/// counted from `--since-ms` (milliseconds since the epoch) if given.
pub fn first_answer(options: &Options) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(120) {
        let answered =
            Connection::bound(options.text("addr", "127.0.0.1:3389"), options).and_then(|mut connection| {
                connection
                    .stream
                    .write_all(&search_request(2, &by_uid(&people::uid(0))))?;
                connection.receive()
            });
        if answered.is_ok_and(|came| came.entries == 1) {
            println!("{{\"first_ms\":{}}}", start.elapsed().as_millis());
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Err(Error::other("no answer within 120 s"))
}
