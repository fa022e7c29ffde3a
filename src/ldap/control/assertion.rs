//! Assertion (RFC 4528): the request is served only if a filter is true of its entry.

use super::ControlError;
use crate::domain::filter::Filter;
use crate::domain::schema::Schema;
use crate::ldap::ber::Reader;
use crate::ldap::filter_decoder;

/// The OID.
pub const OID: &str = "1.3.6.1.1.12";

/// The longest filter in octets; a longer one gets `adminLimitExceeded`. What is in a control is not counted among the
/// elements of its message.
const FILTER_BYTES_MAX: usize = 16 * 1024;

/// A filter as it was written.
#[derive(Clone, Copy)]
pub struct Assertion<'a>(pub(super) &'a [u8]);

impl Assertion<'_> {
    /// The filter. Errors: [`ControlError`].
    pub fn filter(&self, schema: &Schema) -> Result<Filter, ControlError> {
        if self.0.len() > FILTER_BYTES_MAX {
            return Err(ControlError::TooLarge);
        }
        let mut reader = Reader::new(self.0);
        let filter = filter_decoder::decode(&mut reader, schema)?;
        if !reader.is_empty() {
            return Err(ControlError::Malformed);
        }
        Ok(filter)
    }
}
