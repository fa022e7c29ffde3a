//! The requests that the codec library reads. It only ever sees the element of a known operation that
//! [`crate::ldap::envelope`] has walked: on anything else it prints, or silently drops what is cut off.

use ldap3_lber::Parser;
use ldap3_proto::proto::LdapCompareRequest;
use ldap3_proto::proto::LdapOp;

use crate::ldap::ber::Malformed;
use crate::ldap::envelope::{Message, MessageId};
use crate::ldap::limits::NESTING_MAX;

/// A compare request. Errors: [`Malformed`].
pub fn compare(message: &Message<'_>) -> Result<LdapCompareRequest, Malformed> {
    match operation(message)? {
        LdapOp::CompareRequest(request) => Ok(request),
        _ => Err(Malformed),
    }
}

/// The message an abandon request names; `None` if it is not readable, which nobody is told.
pub fn abandon(message: &Message<'_>) -> Option<MessageId> {
    crate::ldap::ber::integer(message.body).ok()
}

fn operation(message: &Message<'_>) -> Result<LdapOp, Malformed> {
    let parsed = Parser::new(NESTING_MAX).parse(message.element);
    let (_, element) = parsed.map_err(|_| Malformed)?;
    LdapOp::try_from(element).map_err(|_| Malformed)
}
