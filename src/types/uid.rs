//! The UID: the one name a member logs in with.

/// A UID as it was typed: 1 to [`UID_BYTES_MAX`] bytes of UTF-8 without control characters.
///
/// Compared by the schema's rule for `uid` (case-insensitive), so this type keeps the spelling and
/// has no `Eq`.
#[derive(Clone, Debug)]
pub struct Uid(Box<str>);

/// The longest UID; a longer one is refused before anything is looked up.
pub const UID_BYTES_MAX: usize = 256;

impl Uid {
    /// The UID in `bytes`, or `None` if they cannot be one: empty, too long, not UTF-8, control characters.
    pub fn parse(bytes: &[u8]) -> Option<Uid> {
        let text = std::str::from_utf8(bytes).ok()?;
        let usable = !text.is_empty() && text.len() <= UID_BYTES_MAX && !text.chars().any(char::is_control);
        usable.then(|| Uid(text.into()))
    }

    /// The UID as it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_printable_text_of_sensible_length_is_a_uid() {
        assert_eq!(Uid::parse(b"u3001234").unwrap().as_str(), "u3001234");
        for wrong in [&b""[..], b"a\0b", b"a\nb", b"\xff", &[b'a'; UID_BYTES_MAX + 1]] {
            assert!(Uid::parse(wrong).is_none());
        }
    }
}
