//! What `beadle demo` tells on the terminal: what listens where, and commands to copy.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use crate::cli::demo::campus::{BASE, Listen, ROOT_PIN, SECRET};
use crate::cli::demo::people::{STAFF, STUDENT};
use crate::cli::output;

/// The demo as it is told.
pub struct Table<'a> {
    /// Where it listens.
    pub listen: &'a Listen,
    /// Its folder.
    pub folder: &'a Path,
    /// How many entries it has.
    pub entries: u64,
}

impl Table<'_> {
    /// Prints the table of a campus that was ready after `took`.
    pub fn print(&self, took: Duration) {
        // A terminal that has gone does not stop the campus.
        let _ = output::say(&self.text(took));
    }

    fn text(&self, took: Duration) -> String {
        let Listen {
            ldap,
            ldaps,
            radius,
            accounting,
            admin,
            ..
        } = reachable(self.listen);
        format!(
            "A campus of {entries} entries, ready in {took} ms, in {folder}

  LDAP, StartTLS     ldap://{ldap}
  LDAP over TLS      ldaps://{ldaps}
  RADIUS             {radius}, secret {SECRET}
  RADIUS accounting  {accounting}, Status-Server only in this version
  health, metrics    http://{admin}/healthz  http://{admin}/metrics

  a student          UID {student}  PIN {student_pin}
  a member of staff  UID {staff}  PIN {staff_pin}

Try, in another terminal:

{commands}
Ctrl-C stops it.",
            entries = self.entries,
            took = took.as_millis(),
            folder = self.folder.display(),
            student = STUDENT.uid,
            student_pin = STUDENT.pin,
            staff = STAFF.uid,
            staff_pin = STAFF.pin,
            commands = self.commands(),
        )
    }

    /// One command a line, indented by two.
    fn commands(&self) -> String {
        let Listen {
            ldap,
            ldaps,
            radius,
            admin,
            ..
        } = reachable(self.listen);
        let member = |uid: &str| format!("uid={uid},ou=people,{BASE}");
        let certificate = self.folder.join("store/self-signed-certificate.pem");
        let lines = [
            format!("ldapsearch -x -H ldap://{ldap} -b {BASE} '(uid={})'", STUDENT.uid),
            format!(
                "ldapsearch -x -H ldap://{ldap} -D {} -w {} -b {BASE} '(uid={})'",
                member(STUDENT.uid),
                STUDENT.pin,
                STAFF.uid
            ),
            format!(
                "ldapwhoami -x -H ldap://{ldap} -D {} -w {}",
                member(STAFF.uid),
                STAFF.pin
            ),
            format!(
                "LDAPTLS_CACERT={} ldapwhoami -x -H ldaps://{ldaps} -D cn=admin,{BASE} -w {ROOT_PIN}",
                quoted(&certificate.display().to_string())
            ),
            radclient(&radius, STUDENT.uid, STUDENT.pin),
            radclient(&radius, STAFF.uid, STAFF.pin),
            format!("curl http://{admin}/healthz"),
        ];
        lines.iter().map(|line| format!("  {line}\n")).collect()
    }
}

/// Where clients on this machine reach what listens there: nobody can ask a wildcard.
fn reachable(listen: &Listen) -> Listen {
    let reachable = |address: SocketAddr| match address {
        SocketAddr::V4(any) if any.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, any.port()).into(),
        SocketAddr::V6(any) if any.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, any.port()).into(),
        one => one,
    };
    Listen {
        ldap: reachable(listen.ldap),
        ldaps: reachable(listen.ldaps),
        radius: reachable(listen.radius),
        accounting: reachable(listen.accounting),
        admin: reachable(listen.admin),
    }
}

/// `text` as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn radclient(radius: &SocketAddr, uid: &str, pin: &str) -> String {
    format!(
        "echo 'User-Name = \"{uid}\", User-Password = \"{pin}\", Message-Authenticator = 0x00' | \
         radclient -x {radius} auth {SECRET}"
    )
}
