//! Normal forms of distinguished names: equal bytes if and only if the names match (RFC 4517 section 4.2.15).
//!
//! The normal forms of the RDNs stand one behind the other, leaf first, each with an end mark that is nowhere else:
//! zero bytes within values are escaped. What stands in front of the mark is the business of
//! [`crate::domain::normal_dn`], which alone makes them.

/// The normal form of a whole DN.
// No boxed slice: to give its spare room back would be one more allocation on the way of every log-in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NormalDn(Vec<u8>);

/// A [`NormalDn`] that somebody else holds, or the upper or lower part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NormalDnRef<'n>(&'n [u8]);

/// What the normal form of every RDN ends with.
pub const RDN_END: &[u8] = &[0, 2];

impl NormalDn {
    /// The name that these normal forms of RDNs make, each ended by [`RDN_END`].
    pub fn from_rdns(rdns: Vec<u8>) -> NormalDn {
        NormalDn(rdns)
    }

    /// The same, borrowed.
    pub fn as_ref(&self) -> NormalDnRef<'_> {
        NormalDnRef(&self.0)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same, to be added to.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl<'n> NormalDnRef<'n> {
    /// What [`NormalDn::as_bytes`] gave. Other bytes are the name of nothing.
    pub fn from_bytes(bytes: &'n [u8]) -> NormalDnRef<'n> {
        NormalDnRef(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(self) -> &'n [u8] {
        self.0
    }

    /// Whether it is the name of the root, which has no RDN.
    pub fn is_root(self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is `base` or below it. Every name is under the root.
    pub fn is_at_or_under(self, base: NormalDnRef<'_>) -> bool {
        self.below(base).is_some()
    }

    /// The RDNs in front of `base`: the root if this is `base`, `None` if it is not below.
    pub fn below(self, base: NormalDnRef<'_>) -> Option<NormalDnRef<'n>> {
        let before = self.0.strip_suffix(base.0)?;
        (before.is_empty() || before.ends_with(RDN_END)).then_some(NormalDnRef(before))
    }

    /// The name of the entry above; `None` of the root.
    pub fn parent(self) -> Option<NormalDnRef<'n>> {
        let end = self.0.windows(RDN_END.len()).position(|bytes| bytes == RDN_END)?;
        self.0.get(end + RDN_END.len()..).map(NormalDnRef)
    }

    /// All but the last RDN, and the last one; `None` of the root.
    pub fn split_last_rdn(self) -> Option<(NormalDnRef<'n>, NormalDnRef<'n>)> {
        let before = self.0.strip_suffix(RDN_END)?;
        let end = before.windows(RDN_END.len()).rposition(|bytes| bytes == RDN_END);
        let (rest, last) = self.0.split_at(end.map_or(0, |at| at + RDN_END.len()));
        Some((NormalDnRef(rest), NormalDnRef(last)))
    }
}
