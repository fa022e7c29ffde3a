//! Distinguished names as text (RFC 4514): syntax only, what matches what is the schema's to say.

use std::fmt::{self, Write};

use thiserror::Error;

/// A distinguished name: its RDNs, the entry's own first. Empty is the root DSE's name.
#[derive(Clone, Debug, Default)]
pub struct Dn {
    /// The RDNs, leaf first.
    pub rdns: Vec<Rdn>,
}

/// A relative distinguished name: one or more attribute-value pairs joined by `+`.
#[derive(Clone, Debug)]
pub struct Rdn {
    /// At least one pair.
    pub avas: Vec<Ava>,
}

/// One attribute-value pair of an RDN.
#[derive(Clone, Debug)]
pub struct Ava {
    /// The attribute's name or OID as it was written.
    pub attribute: Box<str>,
    /// The value, unescaped.
    pub value: Box<[u8]>,
}

/// Why a text is not a distinguished name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DnError {
    /// The text breaks the grammar of RFC 4514 at this byte.
    #[error("not a distinguished name at byte {0}")]
    Syntax(usize),
    /// More than [`DN_RDNS_MAX`] RDNs, or an RDN of more than [`RDN_AVAS_MAX`] pairs.
    #[error("a distinguished name of too many parts")]
    TooLong,
}

/// The deepest name; a deeper one is refused with [`DnError::TooLong`].
pub const DN_RDNS_MAX: usize = 64;
/// The most pairs in one RDN; more are refused with [`DnError::TooLong`].
pub const RDN_AVAS_MAX: usize = 16;

impl Dn {
    /// Parses RFC 4514 text; also takes what RFC 2253 section 4 asks servers to take: spaces around
    /// separators, `;` for `,`, values in double quotes, `OID.` before a numeric OID. Errors: [`DnError`].
    pub fn parse(text: &str) -> Result<Dn, DnError> {
        let mut reader = Reader {
            text: text.as_bytes(),
            at: 0,
        };
        reader.skip_spaces();
        let mut rdns = Vec::new();
        if reader.peek().is_none() {
            return Ok(Dn { rdns });
        }
        loop {
            if rdns.len() == DN_RDNS_MAX {
                return Err(DnError::TooLong);
            }
            rdns.push(reader.rdn()?);
            match reader.take() {
                None => return Ok(Dn { rdns }),
                Some(b',' | b';') => {}
                Some(_) => return Err(DnError::Syntax(reader.at - 1)),
            }
        }
    }

    /// The name one level up, or `None` for the root.
    pub fn parent(&self) -> Option<Dn> {
        (!self.rdns.is_empty()).then(|| Dn {
            rdns: self.rdns[1..].to_vec(),
        })
    }

    /// The name of the entry `rdn` directly under this one.
    pub fn child(&self, rdn: Rdn) -> Dn {
        Dn {
            rdns: std::iter::once(rdn).chain(self.rdns.iter().cloned()).collect(),
        }
    }
}

impl Rdn {
    /// Parses one RDN. Errors: [`DnError`], also for text that holds more than one.
    pub fn parse(text: &str) -> Result<Rdn, DnError> {
        let mut reader = Reader {
            text: text.as_bytes(),
            at: 0,
        };
        reader.skip_spaces();
        let rdn = reader.rdn()?;
        match reader.peek() {
            None => Ok(rdn),
            Some(_) => Err(DnError::Syntax(reader.at)),
        }
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        join(f, &self.rdns, ',')
    }
}

impl fmt::Display for Rdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        join(f, &self.avas, '+')
    }
}

impl fmt::Display for Ava {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.attribute)?;
        let ends_in_space = self.value.last() == Some(&b' ');
        let mut at = 0;
        for chunk in self.value.utf8_chunks() {
            for character in chunk.valid().chars() {
                let end = at + character.len_utf8();
                let edge = at == 0 || (ends_in_space && end == self.value.len());
                write_escaped(f, character, edge, at == 0)?;
                at = end;
            }
            for byte in chunk.invalid() {
                write!(f, "\\{byte:02x}")?;
            }
            at += chunk.invalid().len();
        }
        Ok(())
    }
}

/// RFC 4514 section 2.4; control characters are escaped too, so that a name is always one line of text.
fn write_escaped(f: &mut fmt::Formatter<'_>, character: char, edge: bool, first: bool) -> fmt::Result {
    match character {
        '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{character}"),
        ' ' if edge => f.write_str("\\ "),
        '#' if first => f.write_str("\\#"),
        '\0'..='\x1f' | '\x7f' => write!(f, "\\{:02x}", u32::from(character)),
        _ => f.write_char(character),
    }
}

fn join<T: fmt::Display>(f: &mut fmt::Formatter<'_>, parts: &[T], separator: char) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_char(separator)?;
        }
        part.fmt(f)?;
    }
    Ok(())
}

/// Walks over the text of a name.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `text` parses and prints as `printed`.
    fn check(text: &str, printed: &str) {
        assert_eq!(
            Dn::parse(text).map(|dn| dn.to_string()).as_deref(),
            Ok(printed),
            "{text}"
        );
    }

    fn refuse(text: &str, error: DnError) {
        assert_eq!(Dn::parse(text).err(), Some(error), "{text}");
    }

    #[test]
    fn names_of_rfc_4514_parse_and_print() {
        check("", "");
        check("UID=jsmith,DC=example,DC=net", "UID=jsmith,DC=example,DC=net");
        check(
            "OU=Sales+CN=J.  Smith,DC=example",
            "OU=Sales+CN=J.  Smith,DC=example",
        );
        check(
            r#"CN=James \"Jim\" Smith\, III,DC=net"#,
            r#"CN=James \"Jim\" Smith\, III,DC=net"#,
        );
        check(r"CN=Before\0dAfter,DC=net", r"CN=Before\0dAfter,DC=net");
        check("1.3.6.1.4.1.1466.0=#04024869", "1.3.6.1.4.1.1466.0=Hi");
        check(r"CN=Lu\C4\8Di\C4\87", "CN=Lučić");
        check(r"cn=\ffx", r"cn=\ffx");
        check("o=", "o=");
    }

    #[test]
    fn what_older_clients_write_is_understood() {
        check("OU=People , DC=Example,dc=EDU", "OU=People,DC=Example,dc=EDU");
        check(" cn = a ; dc = b ", "cn=a,dc=b");
        check(r#"o="Sue, Grabbit",c=GB"#, r"o=Sue\, Grabbit,c=GB");
        check("OID.2.5.4.3=x", "2.5.4.3=x");
        check(r"cn=\ a\  ", r"cn=\ a\ ");
        check(r"cn=\#1 \3d", r"cn=\#1 =");
        check("cn=a=b", "cn=a=b");
    }

    #[test]
    fn what_is_no_name_is_refused_where_it_breaks() {
        refuse("cn", DnError::Syntax(2));
        refuse("=a", DnError::Syntax(0));
        refuse("cn=a,", DnError::Syntax(5));
        refuse("cn=a+", DnError::Syntax(5));
        refuse("cn=a<b", DnError::Syntax(4));
        refuse(r"cn=a\x", DnError::Syntax(5));
        refuse(r"cn=a\4", DnError::Syntax(5));
        refuse(r#"cn="a"#, DnError::Syntax(5));
        refuse(r#"cn="a"b"#, DnError::Syntax(6));
        refuse("cn=#0403aa", DnError::Syntax(4));
        refuse("2..5=a", DnError::Syntax(0));
        refuse("c_n=a", DnError::Syntax(1));
    }

    #[test]
    fn a_name_of_too_many_parts_is_refused() {
        let deep = |levels: usize| vec!["a=b"; levels].join(",");
        assert_eq!(Dn::parse(&deep(DN_RDNS_MAX)).unwrap().rdns.len(), DN_RDNS_MAX);
        refuse(&deep(DN_RDNS_MAX + 1), DnError::TooLong);
        refuse(&vec!["a=b"; RDN_AVAS_MAX + 1].join("+"), DnError::TooLong);
    }

    #[test]
    fn an_rdn_is_one_level_only() {
        assert_eq!(Rdn::parse("cn=a+sn=b").unwrap().to_string(), "cn=a+sn=b");
        assert_eq!(Rdn::parse("cn=a,sn=b").err(), Some(DnError::Syntax(4)));
    }

    #[test]
    fn parents_and_children_are_one_level_apart() {
        let dn = Dn::parse("cn=a,dc=b").unwrap();
        let parent = dn.parent().unwrap();
        assert_eq!(parent.to_string(), "dc=b");
        assert_eq!(parent.child(dn.rdns[0].clone()).to_string(), "cn=a,dc=b");
        assert!(Dn::default().parent().is_none());
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_back_to_the_same_bytes(values in prop::collection::vec(any::<Vec<u8>>(), 1..4)) {
            let avas = |value: &Vec<u8>| vec![Ava { attribute: "cn".into(), value: value.as_slice().into() }; 2];
            let dn = Dn { rdns: values.iter().map(|value| Rdn { avas: avas(value) }).collect() };
            let back = Dn::parse(&dn.to_string()).unwrap();
            prop_assert_eq!(back.to_string(), dn.to_string());
            for (rdn, value) in back.rdns.iter().zip(&values) {
                prop_assert_eq!(rdn.avas[1].value.as_ref(), value.as_slice());
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = Dn::parse(&text);
        }
    }
}
