//! What a viewer can see at the most, whatever the entry: known before any entry is looked at, so that what the viewer
//! can never see has no influence on where a search looks.

use crate::domain::access::public::HAS_SWITCHES;
use crate::domain::access::rules::{Grant, Place};
use crate::domain::access::{Entries, View, Viewer};
use crate::types::{AttributeType, EntryId};

impl View<'_> {
    /// The viewer's own entry, of which everything but secrets is seen.
    pub fn own(&self) -> Option<EntryId> {
        match self.viewer {
            Viewer::Member(own, _) => Some(own),
            _ => None,
        }
    }

    /// Whether a filter of the viewer's may ever ask about attributes of `kind` of an entry that is not the viewer's own.
    pub fn ever_searches(&self, kind: AttributeType) -> bool {
        let (rules, never) = (self.rules, &self.rules.never);
        if self.viewer == Viewer::Root {
            return !never.secret.contains(kind) && !never.owner_only.contains(kind);
        }
        let mut heard = self.heard();
        rules.plain.contains(kind)
            || heard.any(|(to, grant)| {
                let opened = to == Place::Public && rules.switches.can_open(kind);
                opened || grant.rights.sight.search.contains(kind)
            })
    }

    /// Whether a filter of the viewer's may ask about attributes of `kind` of every entry.
    pub fn always_searches(&self, kind: AttributeType) -> bool {
        let everywhere = |(to, grant): (Place, &Grant)| {
            // What is public a person may close.
            let stays = to != Place::Public && grant.rights.sight.search.contains(kind);
            let is_plain = self.rules.plain.contains(kind) && !grant.rights.sight.is_blind();
            (stays || is_plain) && self.entries_of(grant).is_some_and(Entries::are_all)
        };
        match self.viewer {
            Viewer::Root => self.ever_searches(kind),
            _ => self.heard().any(everywhere),
        }
    }

    /// The sets ([`super::AccessRules::sets`]), a bit each, among whose entries are all that the viewer may ask about `kind`
    /// of, but for the viewer's own; `None` if that is no matter of sets.
    pub fn sets_searching(&self, kind: AttributeType) -> Option<u64> {
        let is_plain = self.rules.plain.contains(kind);
        let granted = self.sets(|grant| match is_plain {
            true => !grant.rights.sight.is_blind(),
            false => grant.rights.sight.search.contains(kind),
        })?;
        let can_open = !is_plain && self.rules.switches.can_open(kind);
        let is_opened = can_open && self.heard().any(|(to, _)| to == Place::Public);
        Some(if is_opened {
            granted | HAS_SWITCHES
        } else {
            granted
        })
    }

    /// The sets, a bit each, among whose entries are all that the viewer may know of but the viewer's own; `None` if that is
    /// no matter of sets.
    pub fn sets_known(&self) -> Option<u64> {
        self.sets(|grant| !grant.rights.sight.is_blind())
    }

    fn sets(&self, grants: impl Fn(&Grant) -> bool) -> Option<u64> {
        if self.viewer == Viewer::Root {
            return None;
        }
        let mut heard = self.heard().filter(|(_, grant)| grants(grant));
        heard.try_fold(0, |sets, (_, grant)| {
            let mark = self.entries_of(grant)?.mark?;
            Some(sets | 1u64.checked_shl(mark as u32)?)
        })
    }

    /// Every grant to the viewer, but for what is for owners only.
    fn heard(&self) -> impl Iterator<Item = (Place, &Grant)> {
        self.grants_to(None)
    }

    fn entries_of(&self, grant: &Grant) -> Option<&Entries> {
        self.rules.entries(grant.entries)
    }
}
