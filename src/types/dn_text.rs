//! The grammar of distinguished names (RFC 4514 section 3) and what RFC 2253 section 4 adds to it.

use crate::types::dn::{DN_RDNS_MAX, DnError, RDN_AVAS_MAX};

/// One attribute-value pair of a name, as [`walk`] comes by it.
pub struct AvaText<'a> {
    /// The attribute's name or OID as it is written.
    pub attribute: &'a str,
    /// The value, unescaped.
    pub value: &'a [u8],
    /// Whether it is the last of its RDN.
    pub ends_rdn: bool,
}

/// Hands the pairs of a whole name to `each` in their order, leaf first; none of an empty text. Keeps nothing, so that
/// who only wants the name's normal form need not hold the name. Errors: [`DnError`]; the pairs before it were handed out.
pub fn walk(text: &str, each: &mut dyn FnMut(AvaText<'_>)) -> Result<(), DnError> {
    if text.is_empty() {
        return Ok(());
    }
    let mut reader = Reader::new(text);
    reader.skip_spaces();
    for _ in 0..DN_RDNS_MAX {
        reader.rdn(each)?;
        match reader.peek() {
            None => return Ok(()),
            Some(b',' | b';') => reader.at += 1,
            Some(_) => return reader.wrong(),
        }
    }
    Err(DnError::TooLong)
}

/// The same for a text that is one RDN and no more.
pub(super) fn walk_rdn(text: &str, each: &mut dyn FnMut(AvaText<'_>)) -> Result<(), DnError> {
    let mut reader = Reader::new(text);
    reader.skip_spaces();
    reader.rdn(each)?;
    match reader.peek() {
        None => Ok(()),
        Some(_) => reader.wrong(),
    }
}

/// Walks over the text of a name.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    /// The value at hand, if it does not stand in the text as it is.
    unescaped: Vec<u8>,
}

/// Where a value is.
enum Value<'a> {
    /// In the text.
    Plain(&'a [u8]),
    /// In [`Reader::unescaped`].
    Unescaped,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Reader<'a> {
        Reader {
            text: text.as_bytes(),
            at: 0,
            unescaped: Vec::new(),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    fn wrong<T>(&self) -> Result<T, DnError> {
        Err(DnError::Syntax(self.at))
    }

    fn rdn(&mut self, each: &mut dyn FnMut(AvaText<'_>)) -> Result<(), DnError> {
        for _ in 0..RDN_AVAS_MAX {
            if self.ava(each)? {
                return Ok(());
            }
            self.at += 1;
        }
        Err(DnError::TooLong)
    }

    /// One pair; whether it is the last of its RDN.
    fn ava(&mut self, each: &mut dyn FnMut(AvaText<'_>)) -> Result<bool, DnError> {
        self.skip_spaces();
        let attribute = self.attribute()?;
        self.skip_spaces();
        if self.peek() != Some(b'=') {
            return self.wrong();
        }
        self.at += 1;
        self.skip_spaces();
        self.unescaped.clear();
        let value = match self.peek() {
            Some(b'#') => self.hex_string()?,
            Some(b'"') => self.quoted()?,
            _ => self.string()?,
        };
        self.skip_spaces();
        let ends_rdn = self.peek() != Some(b'+');
        each(AvaText {
            attribute,
            value: match value {
                Value::Plain(value) => value,
                Value::Unescaped => &self.unescaped,
            },
            ends_rdn,
        });
        Ok(ends_rdn)
    }

    /// A descriptor or a numeric OID (RFC 4512 section 1.4).
    fn attribute(&mut self) -> Result<&'a str, DnError> {
        if let Some(prefix) = self.text.get(self.at..self.at + 5)
            && prefix[..4].eq_ignore_ascii_case(b"oid.")
            && prefix[4].is_ascii_digit()
        {
            self.at += 4;
        }
        let start = self.at;
        let numeric = self.peek().is_some_and(|byte| byte.is_ascii_digit());
        let belongs = |byte: u8| match numeric {
            true => byte.is_ascii_digit() || byte == b'.',
            false => byte.is_ascii_alphanumeric() || byte == b'-',
        };
        while self.peek().is_some_and(belongs) {
            self.at += 1;
        }
        let name = &self.text[start..self.at];
        let good = match numeric {
            true => name.split(|byte| *byte == b'.').all(|arc| !arc.is_empty()),
            false => name.first().is_some_and(u8::is_ascii_alphabetic),
        };
        match std::str::from_utf8(name) {
            Ok(name) if good => Ok(name),
            _ => Err(DnError::Syntax(start)),
        }
    }

    /// A value of plain characters and escapes, up to a separator. Unescaped trailing spaces are not part of it.
    fn string(&mut self) -> Result<Value<'a>, DnError> {
        let start = self.at;
        while let Some(byte) = self.peek() {
            match byte {
                b',' | b';' | b'+' => break,
                b'"' | b'<' | b'>' | 0 => return self.wrong(),
                b'\\' => return self.escaped_string(start),
                _ => self.at += 1,
            }
        }
        let value = &self.text[start..self.at];
        let significant = value.iter().rposition(|byte| !is_space(*byte));
        Ok(Value::Plain(&value[..significant.map_or(0, |at| at + 1)]))
    }

    /// The same where the value began at `start` and there is an escape here.
    fn escaped_string(&mut self, start: usize) -> Result<Value<'a>, DnError> {
        self.unescaped.extend_from_slice(&self.text[start..self.at]);
        let mut significant = 0;
        while let Some(byte) = self.peek() {
            match byte {
                b',' | b';' | b'+' => break,
                b'"' | b'<' | b'>' | 0 => return self.wrong(),
                b'\\' => {
                    let byte = self.escape()?;
                    self.unescaped.push(byte);
                    significant = self.unescaped.len();
                }
                _ => {
                    self.at += 1;
                    self.unescaped.push(byte);
                    if !is_space(byte) {
                        significant = self.unescaped.len();
                    }
                }
            }
        }
        self.unescaped.truncate(significant);
        Ok(Value::Unescaped)
    }

    /// `\,` and its like, or `\2c`.
    fn escape(&mut self) -> Result<u8, DnError> {
        self.at += 1;
        match self.peek() {
            Some(byte @ (b' ' | b'"' | b'#' | b'+' | b',' | b';' | b'<' | b'=' | b'>' | b'\\')) => {
                self.at += 1;
                Ok(byte)
            }
            _ => self.hex_pair(),
        }
    }

    fn hex_pair(&mut self) -> Result<u8, DnError> {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let pair = self.text.get(self.at..self.at + 2);
        match pair.map(|pair| (digit(pair[0]), digit(pair[1]))) {
            Some((Some(high), Some(low))) => {
                self.at += 2;
                Ok((high << 4 | low) as u8)
            }
            _ => self.wrong(),
        }
    }

    /// `"…"` as RFC 1779 wrote it: only the quote and the backslash are special inside.
    fn quoted(&mut self) -> Result<Value<'a>, DnError> {
        self.at += 1;
        loop {
            let byte = match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Value::Unescaped);
                }
                Some(b'\\') => self.escape()?,
                Some(byte) => {
                    self.at += 1;
                    byte
                }
                None => return self.wrong(),
            };
            self.unescaped.push(byte);
        }
    }

    /// `#` and the BER of a string type: its content is the value. Other types have no LDAP string here.
    fn hex_string(&mut self) -> Result<Value<'a>, DnError> {
        self.at += 1;
        let start = self.at;
        let mut ber = Vec::new();
        while self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
            ber.push(self.hex_pair()?);
        }
        let content = string_content(&ber).ok_or(DnError::Syntax(start))?;
        self.unescaped.extend_from_slice(content);
        Ok(Value::Unescaped)
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r')
}

/// The content of a BER OCTET STRING, UTF8String, NumericString, PrintableString, TeletexString or
/// IA5String in definite form that fills `ber` whole.
fn string_content(ber: &[u8]) -> Option<&[u8]> {
    let (head, rest) = ber.split_at_checked(2)?;
    if !matches!(head[0], 0x04 | 0x0c | 0x12 | 0x13 | 0x14 | 0x16) {
        return None;
    }
    let (length, content) = match head[1] {
        short @ 0..0x80 => (usize::from(short), rest),
        long => {
            let (digits, content) = rest.split_at_checked(usize::from(long & 0x7f))?;
            let fits = (1..=4).contains(&digits.len());
            let length = digits
                .iter()
                .fold(0, |sum: usize, digit| sum << 8 | usize::from(*digit));
            (fits.then_some(length)?, content)
        }
    };
    (content.len() == length).then_some(content)
}
