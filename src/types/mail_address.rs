//! A mail address.

/// A mail address as it was typed: text with an `@` in it and no control characters, of no more than
/// [`MAIL_ADDRESS_BYTES_MAX`] bytes. Compared by the schema's rule for `mail`, so this type keeps the spelling and has
/// no `Eq`.
#[derive(Clone, Debug)]
pub struct MailAddress(Box<str>);

/// The longest mail address (RFC 5321 section 4.5.3.1: a path, without its brackets).
pub const MAIL_ADDRESS_BYTES_MAX: usize = 254;

impl MailAddress {
    /// The address `text`, or `None` if it cannot be one.
    pub fn parse(text: &str) -> Option<MailAddress> {
        let usable = text.len() <= MAIL_ADDRESS_BYTES_MAX && !text.chars().any(char::is_control);
        (usable && text.contains('@')).then(|| MailAddress(text.into()))
    }

    /// The address as it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_printable_text_around_an_at_sign_is_a_mail_address() {
        assert_eq!(
            MailAddress::parse("ada@uni.example").unwrap().as_str(),
            "ada@uni.example"
        );
        for wrong in [
            "",
            "ada",
            "ada\0@uni",
            &format!("{}@uni", "a".repeat(MAIL_ADDRESS_BYTES_MAX)),
        ] {
            assert!(MailAddress::parse(wrong).is_none());
        }
    }
}
