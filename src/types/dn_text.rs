//! The grammar of distinguished names (RFC 4514 section 3) and what RFC 2253 section 4 adds to it.

use crate::types::dn::{Ava, DN_RDNS_MAX, DnError, RDN_AVAS_MAX, Rdn};

/// Walks over the text of a name.
pub(super) struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Reader<'a> {
        Reader {
            text: text.as_bytes(),
            at: 0,
        }
    }

    /// The RDNs of a whole name; none for an empty text.
    pub(super) fn dn(mut self) -> Result<Vec<Rdn>, DnError> {
        self.skip_spaces();
        let mut rdns = Vec::new();
        if self.peek().is_none() {
            return Ok(rdns);
        }
        loop {
            if rdns.len() == DN_RDNS_MAX {
                return Err(DnError::TooLong);
            }
            rdns.push(self.rdn()?);
            match self.peek() {
                None => return Ok(rdns),
                Some(b',' | b';') => self.at += 1,
                Some(_) => return self.wrong(),
            }
        }
    }

    /// One RDN that fills the text whole.
    pub(super) fn only_rdn(mut self) -> Result<Rdn, DnError> {
        self.skip_spaces();
        let rdn = self.rdn()?;
        match self.peek() {
            None => Ok(rdn),
            Some(_) => self.wrong(),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn wrong<T>(&self) -> Result<T, DnError> {
        Err(DnError::Syntax(self.at))
    }

    fn rdn(&mut self) -> Result<Rdn, DnError> {
        let mut avas = Vec::with_capacity(1);
        loop {
            if avas.len() == RDN_AVAS_MAX {
                return Err(DnError::TooLong);
            }
            avas.push(self.ava()?);
            if self.peek() != Some(b'+') {
                return Ok(Rdn { avas });
            }
            self.at += 1;
        }
    }

    fn ava(&mut self) -> Result<Ava, DnError> {
        self.skip_spaces();
        let attribute = self.attribute()?;
        self.skip_spaces();
        if self.peek() != Some(b'=') {
            return self.wrong();
        }
        self.at += 1;
        self.skip_spaces();
        let value = match self.peek() {
            Some(b'#') => self.hex_string()?,
            Some(b'"') => self.quoted()?,
            _ => self.string()?,
        };
        self.skip_spaces();
        Ok(Ava {
            attribute,
            value: value.into(),
        })
    }

    /// A descriptor or a numeric OID (RFC 4512 section 1.4).
    fn attribute(&mut self) -> Result<Box<str>, DnError> {
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
            Ok(name) if good => Ok(name.into()),
            _ => Err(DnError::Syntax(start)),
        }
    }

    /// A value of plain characters and escapes, up to a separator. Unescaped trailing spaces are not part of it.
    fn string(&mut self) -> Result<Vec<u8>, DnError> {
        let mut value = Vec::new();
        let mut significant = 0;
        while let Some(byte) = self.peek() {
            match byte {
                b',' | b';' | b'+' => break,
                b'"' | b'<' | b'>' | 0 => return self.wrong(),
                b'\\' => {
                    value.push(self.escape()?);
                    significant = value.len();
                }
                _ => {
                    self.at += 1;
                    value.push(byte);
                    if !matches!(byte, b' ' | b'\n' | b'\r') {
                        significant = value.len();
                    }
                }
            }
        }
        value.truncate(significant);
        Ok(value)
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
    fn quoted(&mut self) -> Result<Vec<u8>, DnError> {
        self.at += 1;
        let mut value = Vec::new();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(value);
                }
                Some(b'\\') => value.push(self.escape()?),
                Some(byte) => {
                    self.at += 1;
                    value.push(byte);
                }
                None => return self.wrong(),
            }
        }
    }

    /// `#` and the BER of a string type: its content is the value. Other types have no LDAP string here.
    fn hex_string(&mut self) -> Result<Vec<u8>, DnError> {
        self.at += 1;
        let start = self.at;
        let mut ber = Vec::new();
        while self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
            ber.push(self.hex_pair()?);
        }
        string_content(&ber)
            .map(<[u8]>::to_vec)
            .ok_or(DnError::Syntax(start))
    }
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
