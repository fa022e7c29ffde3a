//! From a stream of bytes to one message: framing, the LDAPMessage envelope (RFC 4511 section 4.1.1) and
//! the checks that make everything behind them safe to read.

use crate::ldap::ber::{self, Header, Malformed, Reader};
use crate::ldap::control::{CONTROLS, Controls};
use crate::ldap::limits::{MessageLimits, NESTING_MAX};
use crate::ldap::operation::Operation;

/// A message id, 0 to 2^31-1. RFC 4511 keeps 0 for the server, yet a client that sends it is answered.
pub type MessageId = u32;

/// What stands at the start of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The beginning of a message; at least this many bytes are still missing.
    Incomplete(usize),
    /// A whole message of this many bytes.
    Complete(usize),
    /// The announced length is over the limit.
    TooLong,
    /// Not LDAP: no SEQUENCE of definite length.
    NotLdap,
}

/// Looks for one message at the start of `buffer`. Decides by the announced length, so that a message over
/// `bytes_max` is refused before it is buffered.
pub fn frame(buffer: &[u8], bytes_max: usize) -> Frame {
    if buffer.first().is_some_and(|first| *first != ber::SEQUENCE) {
        return Frame::NotLdap;
    }
    match ber::header(buffer) {
        Err(Malformed) => Frame::NotLdap,
        Ok(None) => Frame::Incomplete(1),
        Ok(Some(header)) => whole(
            buffer.len(),
            header.bytes.saturating_add(header.content_bytes),
            bytes_max,
        ),
    }
}

fn whole(have: usize, need: usize, bytes_max: usize) -> Frame {
    if need > bytes_max {
        Frame::TooLong
    } else if have < need {
        Frame::Incomplete(need - have)
    } else {
        Frame::Complete(need)
    }
}

/// One message, its body not read yet but known to be sound BER.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// Its id.
    pub id: MessageId,
    /// What it asks.
    pub operation: Operation,
    /// The request with its tag and length.
    pub element: &'a [u8],
    /// The content of the request.
    pub body: &'a [u8],
    /// Its controls, each known to be well-formed.
    pub controls: Controls<'a>,
}

/// Why a frame is no message that can be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Broken beyond an answer: notice of disconnection with `protocolError` (RFC 4511 section 4.1.1), then close.
    Disconnect,
    /// Sound so far, but past [`MessageLimits`]: `adminLimitExceeded` to this id and operation.
    LimitExceeded(MessageId, Operation),
}

impl Refusal {
    /// The message an answer would go to, if one is possible.
    pub fn answerable(self) -> Option<(MessageId, Operation)> {
        match self {
            Refusal::Disconnect => None,
            Refusal::LimitExceeded(id, operation) => Some((id, operation)),
        }
    }
}

impl From<Malformed> for Refusal {
    fn from(_: Malformed) -> Refusal {
        Refusal::Disconnect
    }
}

impl<'a> Message<'a> {
    /// Reads the envelope of one whole frame and walks everything in it. Errors: [`Refusal`].
    pub fn parse(frame: &'a [u8], limits: &MessageLimits) -> Result<Message<'a>, Refusal> {
        let mut outer = Reader::new(frame);
        let mut reader = Reader::new(outer.expect(ber::SEQUENCE)?);
        if !outer.is_empty() {
            return Err(Refusal::Disconnect);
        }
        let id = reader.integer(ber::INTEGER)?;
        let unread = reader.rest();
        let request = reader.element()?;
        let operation = Operation::from_tag(request.tag).ok_or(Refusal::Disconnect)?;
        walk(unread, limits.elements_max).map_err(|why| why.refusal(id, operation))?;
        let element = unread
            .get(..unread.len() - reader.rest().len())
            .unwrap_or_default();
        let controls = Controls::parse(reader.optional(CONTROLS)?.unwrap_or_default())?;
        if controls.count() > limits.controls_max {
            return Err(Refusal::LimitExceeded(id, operation));
        }
        Ok(Message {
            id,
            operation,
            element,
            body: request.content,
            controls,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WalkError {
    Malformed,
    Limit,
}

impl WalkError {
    fn refusal(self, id: MessageId, operation: Operation) -> Refusal {
        match self {
            WalkError::Malformed => Refusal::Disconnect,
            WalkError::Limit => Refusal::LimitExceeded(id, operation),
        }
    }
}

/// Walks every element in `bytes` without allocating: each must lie within the one around it, no more than
/// `elements_max` of them, no deeper than [`NESTING_MAX`].
fn walk(bytes: &[u8], elements_max: usize) -> Result<(), WalkError> {
    let mut open = OpenElements::of(bytes.len());
    let mut at = 0;
    for _ in 0..=elements_max {
        if open.close_all_ending(at) {
            return Ok(());
        }
        let rest = bytes.get(at..open.end()).unwrap_or_default();
        let Header {
            tag,
            bytes: header_bytes,
            content_bytes,
        } = whole_header(rest)?;
        at += header_bytes;
        if tag & ber::CONSTRUCTED != 0 {
            open.push(at + content_bytes)?;
        } else {
            at += content_bytes;
        }
    }
    Err(WalkError::Limit)
}

fn whole_header(rest: &[u8]) -> Result<Header, WalkError> {
    let header = ber::header(rest).ok().flatten().ok_or(WalkError::Malformed)?;
    if header.content_bytes > rest.len() - header.bytes {
        return Err(WalkError::Malformed);
    }
    Ok(header)
}

/// Where the elements end that a walk is inside of, outermost first.
struct OpenElements {
    ends: [usize; NESTING_MAX],
    depth: usize,
}

impl OpenElements {
    fn of(end: usize) -> OpenElements {
        OpenElements {
            ends: [end; NESTING_MAX],
            depth: 0,
        }
    }

    fn end(&self) -> usize {
        self.ends.get(self.depth).copied().unwrap_or(0)
    }

    /// Closes what ends at `at`; whether that was everything.
    fn close_all_ending(&mut self, at: usize) -> bool {
        while at == self.end() {
            if self.depth == 0 {
                return true;
            }
            self.depth -= 1;
        }
        false
    }

    fn push(&mut self, end: usize) -> Result<(), WalkError> {
        let place = self.ends.get_mut(self.depth + 1).ok_or(WalkError::Limit)?;
        *place = end;
        self.depth += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: MessageLimits = MessageLimits {
        bytes_max: 4096,
        elements_max: 100,
        controls_max: 2,
    };

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = bytes::BytesMut::new();
        ber::put_element(&mut out, tag, content);
        out.to_vec()
    }

    fn message(parts: &[&[u8]]) -> Vec<u8> {
        element(ber::SEQUENCE, &parts.concat())
    }

    fn refused(frame: &[u8]) -> Refusal {
        Message::parse(frame, &LIMITS).err().expect("refused")
    }

    const ID: &[u8] = &[2, 1, 7];
    const UNBIND: &[u8] = &[0x42, 0];

    #[test]
    fn frames_are_told_by_their_announced_length() {
        let check = |buffer: &[u8], expected| assert_eq!(frame(buffer, 100), expected);
        check(b"", Frame::Incomplete(1));
        check(&[0x30], Frame::Incomplete(1));
        check(&[0x30, 5, 2], Frame::Incomplete(4));
        check(&[0x30, 5, 2, 1, 7, 0x42, 0, 0x30], Frame::Complete(7));
        check(&[0x30, 0x81, 98], Frame::TooLong);
        check(&[0x30, 0x84, 0, 0, 0, 1, 9], Frame::Complete(7));
        check(&[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff], Frame::TooLong);
        check(&[0x30, 0x80, 0, 0], Frame::NotLdap);
        check(b"GET / HTTP/1.1", Frame::NotLdap);
        check(&[0x16, 0x03, 0x01], Frame::NotLdap);
    }

    #[test]
    fn a_sound_envelope_is_taken_apart() {
        let frame = message(&[ID, UNBIND]);
        let read = Message::parse(&frame, &LIMITS).unwrap_or_else(|_| panic!("sound"));
        assert_eq!(
            (read.id, read.operation, read.element, read.body),
            (7, Operation::Unbind, UNBIND, &[][..])
        );
        assert_eq!(read.controls.count(), 0);
    }

    #[test]
    fn id_0_is_served_and_negative_ids_are_not() {
        assert_eq!(
            Message::parse(&message(&[&[2, 1, 0], UNBIND]), &LIMITS).map(|read| read.id),
            Ok(0)
        );
        assert_eq!(refused(&message(&[&[2, 1, 0xff], UNBIND])), Refusal::Disconnect);
        assert_eq!(
            refused(&message(&[&[2, 5, 0, 0xff, 0xff, 0xff, 0xff], UNBIND])),
            Refusal::Disconnect
        );
    }

    #[test]
    fn unknown_operations_and_responses_disconnect() {
        for tag in [0x61, 0x64, 0x78, 0x79, 0x7e, 0x30, 0x04] {
            assert_eq!(refused(&message(&[ID, &[tag, 0]])), Refusal::Disconnect);
        }
    }

    #[test]
    fn an_inner_element_that_overruns_its_parent_disconnects() {
        assert_eq!(
            refused(&message(&[ID, &[0x63, 4, 0x04, 9, b'a', b'b']])),
            Refusal::Disconnect
        );
        assert_eq!(
            refused(&message(&[ID, &[0x63, 3, 0xa0, 2, 0x04]])),
            Refusal::Disconnect
        );
        assert_eq!(
            refused(&message(&[ID, UNBIND, &[0xa0, 5, 0x30, 9]])),
            Refusal::Disconnect
        );
    }

    #[test]
    fn nesting_elements_and_controls_have_limits() {
        let limit = Refusal::LimitExceeded(7, Operation::Search);
        let mut deep = Vec::new();
        (0..NESTING_MAX).for_each(|_| deep = element(0xa2, &deep));
        assert_eq!(refused(&message(&[ID, &element(0x63, &deep)])), limit);
        assert_eq!(
            refused(&message(&[ID, &element(0x63, &[4, 0].repeat(100))])),
            limit
        );
        assert!(Message::parse(&message(&[ID, &element(0x63, &[4, 0].repeat(99))]), &LIMITS).is_ok());
        let control = [0x30, 5, 0x04, 3, b'1', b'.', b'2'];
        let controls = |count| element(0xa0, &control.repeat(count));
        assert_eq!(refused(&message(&[ID, &[0x63, 0], &controls(3)])), limit);
        assert!(Message::parse(&message(&[ID, &[0x63, 0], &controls(2)]), &LIMITS).is_ok());
    }

    #[test]
    fn malformed_controls_disconnect() {
        for wrong in [
            &[0x04, 0][..],
            &[0x30, 0],
            &[0x30, 3, 0x01, 1, 0xff],
            &[0x30, 2, 0x02, 0],
        ] {
            assert_eq!(
                refused(&message(&[ID, UNBIND, &element(0xa0, wrong)])),
                Refusal::Disconnect
            );
        }
    }

    #[test]
    fn no_frame_panics() {
        let frame = message(&[ID, &element(0x63, &element(0xa0, &[4, 2, b'a', b'b']))]);
        for at in 0..frame.len() {
            for octet in 0..=u8::MAX {
                let mut wrong = frame.clone();
                wrong[at] = octet;
                let _ = Message::parse(&wrong, &LIMITS);
            }
        }
    }
}
