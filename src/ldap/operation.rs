//! The operations a client can ask for (RFC 4511 section 4.2 and on), by their tags.

/// The tag of a SearchResultEntry, the one response that carries no result.
pub const SEARCH_RESULT_ENTRY: u8 = 0x64;

/// What kind of request a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// BindRequest.
    Bind,
    /// UnbindRequest.
    Unbind,
    /// SearchRequest.
    Search,
    /// ModifyRequest.
    Modify,
    /// AddRequest.
    Add,
    /// DelRequest.
    Delete,
    /// ModifyDNRequest.
    ModifyDn,
    /// CompareRequest.
    Compare,
    /// AbandonRequest.
    Abandon,
    /// ExtendedRequest.
    Extended,
}

impl Operation {
    /// Every operation, in the order of [`Operation::index`].
    pub const ALL: [Operation; 10] = [
        Operation::Bind,
        Operation::Unbind,
        Operation::Search,
        Operation::Modify,
        Operation::Add,
        Operation::Delete,
        Operation::ModifyDn,
        Operation::Compare,
        Operation::Abandon,
        Operation::Extended,
    ];

    /// The operation with this tag; `None` for a response and for what RFC 4511 does not know.
    pub fn from_tag(tag: u8) -> Option<Operation> {
        Some(match tag {
            0x60 => Operation::Bind,
            0x42 => Operation::Unbind,
            0x63 => Operation::Search,
            0x66 => Operation::Modify,
            0x68 => Operation::Add,
            0x4a => Operation::Delete,
            0x6c => Operation::ModifyDn,
            0x6e => Operation::Compare,
            0x50 => Operation::Abandon,
            0x77 => Operation::Extended,
            _ => return None,
        })
    }

    /// The tag of the response that carries its result; `None` for what is never answered.
    pub fn response_tag(self) -> Option<u8> {
        Some(match self {
            Operation::Bind => 0x61,
            Operation::Search => 0x65,
            Operation::Modify => 0x67,
            Operation::Add => 0x69,
            Operation::Delete => 0x6b,
            Operation::ModifyDn => 0x6d,
            Operation::Compare => 0x6f,
            Operation::Extended => 0x78,
            Operation::Unbind | Operation::Abandon => return None,
        })
    }

    /// Whether a request of this kind may hold a PIN.
    pub fn may_hold_a_pin(self) -> bool {
        matches!(
            self,
            Operation::Bind | Operation::Add | Operation::Modify | Operation::Compare | Operation::Extended
        )
    }

    /// Its word in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Bind => "bind",
            Operation::Unbind => "unbind",
            Operation::Search => "search",
            Operation::Modify => "modify",
            Operation::Add => "add",
            Operation::Delete => "delete",
            Operation::ModifyDn => "modify_dn",
            Operation::Compare => "compare",
            Operation::Abandon => "abandon",
            Operation::Extended => "extended",
        }
    }

    /// Its place in [`Operation::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_answered_with_a_tag_of_its_own_or_not_at_all() {
        for tag in 0..=u8::MAX {
            let Some(operation) = Operation::from_tag(tag) else {
                continue;
            };
            assert_eq!(Operation::ALL.get(operation.index()), Some(&operation));
            match operation.response_tag() {
                // SearchResultEntry stands between a search and its SearchResultDone.
                Some(response) if operation == Operation::Search => assert_eq!(response & 0x1f, 5),
                Some(response) => assert_eq!(response & 0x1f, (tag & 0x1f) + 1),
                None => assert!(matches!(operation, Operation::Unbind | Operation::Abandon)),
            }
        }
    }

    #[test]
    fn a_response_is_no_request() {
        for operation in Operation::ALL {
            assert!(operation.response_tag().and_then(Operation::from_tag).is_none());
        }
    }
}
