//! Controls on a request (RFC 4511 section 4.1.11).

use crate::ldap::ber::{self, Malformed, Reader};
use crate::ldap::operation::Operation;

/// ManageDsaIT (RFC 3296). Accepted and without effect: this directory holds no referrals.
pub const MANAGE_DSA_IT: &str = "2.16.840.1.113730.3.4.2";

/// The controls that are served, as the root DSE lists them.
pub const SUPPORTED: &[&str] = &[MANAGE_DSA_IT];

/// Whether a request may be served without a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criticality {
    /// It must not.
    Critical,
    /// It may.
    NonCritical,
}

/// One control.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// The OID, as it was written.
    pub oid: &'a [u8],
    /// Whether the request may be served without it.
    pub criticality: Criticality,
    /// Its value, if any.
    pub value: Option<&'a [u8]>,
}

/// The controls of a message, all well-formed.
#[derive(Clone, Copy)]
pub struct Controls<'a> {
    encoded: &'a [u8],
    count: usize,
}

impl<'a> Controls<'a> {
    /// Reads the content of a message's `controls`. Errors: [`Malformed`].
    pub fn parse(encoded: &'a [u8]) -> Result<Controls<'a>, Malformed> {
        let mut reader = Reader::new(encoded);
        let mut count = 0;
        while !reader.is_empty() {
            control(&mut reader)?;
            count += 1;
        }
        Ok(Controls { encoded, count })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The controls in their order.
    pub fn iter(&self) -> impl Iterator<Item = Control<'a>> {
        let mut reader = Reader::new(self.encoded);
        std::iter::from_fn(move || control(&mut reader).ok())
    }

    /// Whether a critical control forbids serving the request: one that is unknown, or known and wrong for
    /// the operation.
    pub fn forbid(&self, operation: Operation) -> bool {
        self.iter()
            .any(|control| control.criticality == Criticality::Critical && !serves(control.oid, operation))
    }
}

fn serves(oid: &[u8], operation: Operation) -> bool {
    match operation {
        // RFC 4511 section 4.1.11: criticality means nothing where there is no response.
        Operation::Unbind | Operation::Abandon => true,
        Operation::Bind | Operation::Extended => false,
        _ => oid == MANAGE_DSA_IT.as_bytes(),
    }
}

fn control<'a>(reader: &mut Reader<'a>) -> Result<Control<'a>, Malformed> {
    let mut parts = Reader::new(reader.expect(ber::SEQUENCE)?);
    let oid = parts.expect(ber::OCTET_STRING)?;
    let critical = parts
        .optional(ber::BOOLEAN)?
        .map(ber::boolean)
        .transpose()?
        .unwrap_or(false);
    let value = parts.optional(ber::OCTET_STRING)?;
    if !parts.is_empty() {
        return Err(Malformed);
    }
    let criticality = if critical {
        Criticality::Critical
    } else {
        Criticality::NonCritical
    };
    Ok(Control {
        oid,
        criticality,
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(oid: &str, critical: Option<u8>) -> Vec<u8> {
        let mut parts = bytes::BytesMut::new();
        ber::put_element(&mut parts, ber::OCTET_STRING, oid.as_bytes());
        if let Some(octet) = critical {
            ber::put_element(&mut parts, ber::BOOLEAN, &[octet]);
        }
        let mut out = bytes::BytesMut::new();
        ber::put_element(&mut out, ber::SEQUENCE, &parts);
        out.to_vec()
    }

    #[test]
    fn only_critical_controls_that_are_not_served_forbid() {
        let check = |oid, critical, operation, expected| {
            let encoded = encoded(oid, critical);
            let controls = Controls::parse(&encoded).unwrap_or_else(|_| panic!("well-formed"));
            assert_eq!(
                controls.forbid(operation),
                expected,
                "{oid} {critical:?} {operation:?}"
            );
        };
        check("1.2.3", Some(0xff), Operation::Search, true);
        check("1.2.3", Some(0x00), Operation::Search, false);
        check("1.2.3", None, Operation::Search, false);
        check("1.2.3", Some(0xff), Operation::Unbind, false);
        check(MANAGE_DSA_IT, Some(0xff), Operation::Search, false);
        check(MANAGE_DSA_IT, Some(0xff), Operation::Bind, true);
    }
}
