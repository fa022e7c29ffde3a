//! Whole exports in pages (RFC 2696), one after the other.

use std::io::{Error, Read, Result, Write};
use std::time::Instant;

use crate::ldap::{Connection, header, message, tlv};
use crate::people::SUFFIX;
use crate::{Options, Tally};

const PAGED_RESULTS: &[u8] = b"1.2.840.113556.1.4.319";

/// `(uid=*)` below the suffix, all user attributes.
fn page_request(id: u32, size: u64, cookie: &[u8]) -> Vec<u8> {
    let fixed = [0x0a, 1, 2, 0x0a, 1, 0, 2, 1, 0, 2, 1, 0, 1, 1, 0];
    let body = [
        &tlv(0x04, SUFFIX.as_bytes())[..],
        &fixed,
        &tlv(0x87, b"uid"),
        &tlv(0x30, b""),
    ]
    .concat();
    let size = tlv(0x02, &(size as u32).to_be_bytes());
    let value = tlv(0x30, &[size, tlv(0x04, cookie)].concat());
    let control = tlv(0x30, &[tlv(0x04, PAGED_RESULTS), tlv(0x04, &value)].concat());
    message(id, &[tlv(0x63, &body), tlv(0xa0, &control)].concat())
}

/// The first element of `bytes`, its content, and what is behind it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (size, length) = header(bytes)?;
    let content = bytes.get(size..size + length)?;
    Some((bytes[0], content, &bytes[size + length..]))
}

/// The cookie in the controls behind SearchResultDone.
fn cookie(controls: &[u8]) -> Option<Vec<u8>> {
    let (_, list, _) = element(controls)?;
    let (_, control, _) = element(list)?;
    let (_, _, mut rest) = element(control)?;
    loop {
        let (tag, content, behind) = element(rest)?;
        if tag == 0x04 {
            let (_, value, _) = element(content)?;
            let (_, _, cookie) = element(value)?;
            return Some(element(cookie)?.1.to_vec());
        }
        rest = behind;
    }
}

/// Reads one page: how many entries it has, and the cookie, `None` if the page was refused.
fn page(connection: &mut Connection) -> Result<(u64, Option<Vec<u8>>)> {
    let mut entries = 0;
    loop {
        let mut at = 0;
        while let Some((_, body, _)) = element(&connection.buffer[at..connection.filled]) {
            let (size, length) = header(&connection.buffer[at..connection.filled]).unwrap_or_default();
            let (_, _, operation) = element(body).ok_or_else(|| Error::other("no message id"))?;
            let (tag, result, controls) = element(operation).ok_or_else(|| Error::other("no operation"))?;
            at += size + length;
            if tag == 0x64 {
                entries += 1;
                continue;
            }
            let good = result.get(2) == Some(&0);
            let cookie = cookie(controls).filter(|_| good);
            connection.buffer.copy_within(at..connection.filled, 0);
            connection.filled -= at;
            return Ok((entries, cookie));
        }
        connection.buffer.copy_within(at..connection.filled, 0);
        connection.filled -= at;
        let read = connection
            .stream
            .read(&mut connection.buffer[connection.filled..])?;
        if read == 0 {
            return Err(Error::other("the server closed the connection"));
        }
        connection.filled += read;
    }
}

/// `export`: everybody in pages of `--page` entries, again and again on one connection; counted are entries.
pub fn export(options: &Options) -> Result<Tally> {
    let (people, size) = (options.number("people", 1000), options.number("page", 1000));
    let mut connection = Connection::bound(options.text("addr", "127.0.0.1:3389"), options)?;
    let (mut tally, end) = (Tally::default(), Instant::now() + options.seconds());
    let mut id = 2;
    while Instant::now() < end {
        let (mut found, mut next) = (0, Some(Vec::new()));
        while let Some(from) = next {
            connection.stream.write_all(&page_request(id, size, &from))?;
            id += 1;
            let (entries, cookie) = page(&mut connection)?;
            found += entries;
            next = cookie.filter(|cookie| !cookie.is_empty());
        }
        tally.done += found;
        tally.wrong += found.abs_diff(people);
    }
    Ok(tally)
}
