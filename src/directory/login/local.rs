//! The log-in of a user of this machine, whom the system has identified: there is no PIN to check.

use std::net::IpAddr;

use crate::directory::request::{Asker, Verdict};
use crate::domain::audit::{AuditEvent, Evidence, Origin, RefusalReason, Subject};
use crate::types::LocalUser;

/// What the log-in of `user` from `source` comes to, and what is to be kept of it: an administrator's is accepted, nobody
/// else's.
pub fn log_in(
    user: LocalUser,
    is_administrator: impl FnOnce(LocalUser) -> bool,
    source: IpAddr,
) -> (Verdict, AuditEvent) {
    let subject = Subject::Operator(user.user);
    let origin = Origin {
        source,
        caller: None,
        service: None,
    };
    if is_administrator(user) {
        let evidence = Evidence::PeerCredentials;
        let accepted = AuditEvent::LoginAccepted {
            subject,
            origin,
            evidence,
        };
        return (Verdict::Accepted(Asker::Operator(user)), accepted);
    }
    let reason = RefusalReason::NotAdministrator;
    let refused = AuditEvent::LoginRefused {
        subject,
        origin,
        reason,
    };
    (Verdict::Refused, refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn administrators_are_accepted_and_others_are_not_and_either_is_told_by_number() {
        let source = IpAddr::from([127, 0, 0, 1]);
        let log_in = |user| log_in(LocalUser { user, group: 7 }, |asked| asked.user == 990, source);
        let (verdict, event) = log_in(990);
        assert!(matches!(verdict, Verdict::Accepted(Asker::Operator(user)) if user.user == 990));
        assert_eq!(
            (event.name(), event.subject()),
            ("login_accepted", &Subject::Operator(990))
        );
        let (verdict, event) = log_in(991);
        assert!(matches!(verdict, Verdict::Refused));
        assert_eq!(
            (event.name(), event.subject()),
            ("login_refused", &Subject::Operator(991))
        );
    }
}
