//! What a line says, listed once for every form of it.

use std::fmt::Display;
use std::io::Write;

use serde_json::to_writer;
use tracing::Level;

use crate::server::observe::log::LogFormat;
use crate::types::Timestamp;

/// A line with fields.
pub(super) trait Told {
    /// How important it is, whose it is, and its words.
    fn head(&self) -> Head;
    /// Its fields in their order.
    fn put(&self, fields: &mut impl Fields);
}

/// What a line begins with.
pub(super) struct Head {
    pub(super) level: Level,
    pub(super) target: &'static str,
    /// May be empty: then the fields say everything.
    pub(super) message: &'static str,
}

/// Where fields are put. The text form shows a string in quotes, and what is displayed as it is.
pub(super) trait Fields {
    fn put_str(&mut self, name: &'static str, value: &str);
    fn put_number(&mut self, name: &'static str, value: u64);
    fn put_display(&mut self, name: &'static str, value: &dyn Display);
}

/// Appends `line`, told at the moment that `at` shows, and a line end.
pub(super) fn put_line(out: &mut Vec<u8>, format: LogFormat, at: &str, line: &impl Told) {
    match format {
        LogFormat::Text => put_text(out, at, line),
        LogFormat::Json => put_json(out, at, line),
    }
    out.push(b'\n');
}

fn put_text(out: &mut Vec<u8>, at: &str, line: &impl Told) {
    let head = line.head();
    let level = match head.level {
        Level::ERROR => " ERROR ",
        Level::WARN => "  WARN ",
        Level::INFO => "  INFO ",
        Level::DEBUG => " DEBUG ",
        Level::TRACE => " TRACE ",
    };
    for part in [at, level, head.target, ": ", head.message] {
        out.extend_from_slice(part.as_bytes());
    }
    let is_first = head.message.is_empty();
    line.put(&mut Text { out, is_first });
}

struct Text<'a> {
    out: &'a mut Vec<u8>,
    is_first: bool,
}

impl Text<'_> {
    fn put_name(&mut self, name: &str) {
        if !std::mem::replace(&mut self.is_first, false) {
            self.out.push(b' ');
        }
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'=');
    }
}

// Writing into a Vec does not fail; what would not be displayed is left out.
impl Fields for Text<'_> {
    fn put_str(&mut self, name: &'static str, value: &str) {
        self.put_name(name);
        let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        if value.bytes().all(is_plain) {
            self.out.push(b'"');
            self.out.extend_from_slice(value.as_bytes());
            self.out.push(b'"');
        } else {
            let _ = write!(self.out, "{value:?}");
        }
    }

    fn put_number(&mut self, name: &'static str, value: u64) {
        self.put_name(name);
        let _ = to_writer(&mut *self.out, &value);
    }

    fn put_display(&mut self, name: &'static str, value: &dyn Display) {
        self.put_name(name);
        let _ = write!(self.out, "{value}");
    }
}

fn put_json(out: &mut Vec<u8>, at: &str, line: &impl Told) {
    let head = line.head();
    out.extend_from_slice(b"{\"timestamp\":");
    let _ = to_writer(&mut *out, at);
    let mut json = Json(out);
    json.put_str("level", head.level.as_str());
    if !head.message.is_empty() {
        json.put_str("message", head.message);
    }
    line.put(&mut json);
    json.put_str("target", head.target);
    out.push(b'}');
}

struct Json<'a>(&'a mut Vec<u8>);

impl Json<'_> {
    fn put_name(&mut self, name: &str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }
}

impl Fields for Json<'_> {
    fn put_str(&mut self, name: &'static str, value: &str) {
        self.put_name(name);
        let _ = to_writer(&mut *self.0, value);
    }

    fn put_number(&mut self, name: &'static str, value: u64) {
        self.put_name(name);
        let _ = to_writer(&mut *self.0, &value);
    }

    fn put_display(&mut self, name: &'static str, value: &dyn Display) {
        self.put_str(name, &value.to_string());
    }
}

/// The text of moments. Most are in the second of the one before, so that only the milliseconds are new.
#[derive(Default)]
pub(super) struct Moments {
    second: Option<u64>,
    text: String,
}

impl Moments {
    /// `moment` as RFC 3339.
    pub(super) fn show(&mut self, moment: Timestamp) -> &str {
        let (second, ms) = (moment.unix_ms() / 1000, moment.unix_ms() % 1000);
        if self.second == Some(second) {
            self.text.truncate(self.text.len() - ".000Z".len());
            self.text.push('.');
            let digit = |value: u64| char::from(b'0' + (value % 10) as u8);
            self.text
                .extend([digit(ms / 100), digit(ms / 10), digit(ms), 'Z']);
        } else {
            self.second = Some(second);
            self.text = moment.rfc3339().to_string();
        }
        &self.text
    }
}
