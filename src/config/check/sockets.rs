//! Unix sockets: `[admin]` and those of `[ldap]`.

use std::io;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::Checker;
use crate::config::defaults;
use crate::config::raw::{List, Raw};
use crate::store::sled::SledSettings;

impl Checker<'_> {
    pub(super) fn admin_socket(&self, raw: &Raw, store: &SledSettings) -> PathBuf {
        let socket = self.path(&raw.admin.socket);
        let socket = socket.unwrap_or_else(|| defaults::admin_socket(store));
        if let Some(written) = raw.admin.socket.as_ref().or(raw.store.path.as_ref()) {
            self.fits_a_socket(&socket, "administration socket", "admin.socket", written);
        }
        if let Some(written) = &raw.admin.socket
            && socket.parent() != Some(&store.path)
        {
            let right = "make it before the daemon starts, or leave the key out for store.path";
            self.has_a_folder(&socket, "administration socket", written, right);
        }
        socket
    }

    /// The sockets of LDAP; without the key those of `default` whose folder is there, for the daemon makes none.
    pub(super) fn ldapi(&self, written: &List<String>, default: Vec<PathBuf>) -> Vec<PathBuf> {
        let Some(written) = written else {
            let is_there = |socket: &PathBuf| !self.lacks_a_folder(socket);
            return default.into_iter().filter(is_there).collect();
        };
        let mut sockets: Vec<PathBuf> = Vec::new();
        for one in written {
            let socket = PathBuf::from(one.get_ref());
            if socket.as_os_str().is_empty() {
                self.error(&one.span(), "the empty path", "write an absolute path");
                continue;
            }
            if sockets.contains(&socket) {
                let right = "give each socket its own path";
                self.error(&one.span(), "a socket that is listened on already", right);
            }
            self.fits_a_socket(&socket, "LDAP socket", "it", one);
            self.has_a_folder(&socket, "LDAP socket", one, "make it before the daemon starts");
            sockets.push(socket);
        }
        sockets
    }

    /// The system takes no longer path for a socket (unix(7)).
    fn fits_a_socket(&self, path: &Path, what: &str, key: &str, written: &Spanned<String>) {
        const BYTES_MAX: usize = 107;
        let length = path.as_os_str().len();
        if length > BYTES_MAX {
            self.error(
                &written.span(),
                format!("the {what} would have a path of {length} bytes"),
                format!("set {key} to a path of {BYTES_MAX} bytes or less"),
            );
        }
    }

    /// The daemon makes no folder but its store's. A warning only, for the folder may be made when it starts, as systemd
    /// does with `RuntimeDirectory=`.
    fn has_a_folder(&self, socket: &Path, what: &str, written: &Spanned<String>, right: &str) {
        if self.lacks_a_folder(socket) {
            let folder = folder(socket).display();
            let said = format!("there is no folder {folder} for the {what}");
            self.warning(&written.span(), said, right);
        }
    }

    fn lacks_a_folder(&self, socket: &Path) -> bool {
        let listed = self.files.list(folder(socket));
        listed.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }
}

/// Where a socket is; of a name alone that is where the daemon is started.
fn folder(socket: &Path) -> &Path {
    match socket.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) => Path::new("."),
        None => socket,
    }
}

#[cfg(test)]
mod tests {
    use crate::config::check::tests::{one, says};

    #[test]
    fn a_socket_whose_path_is_too_long_is_refused_and_one_without_a_folder_is_told() {
        let long = "x".repeat(107);
        one(
            &format!("[admin]\nsocket = \"/{long}\""),
            "x:3: error: admin.socket: the administration socket would have a path of 108 bytes; set admin.socket",
        );
        one(
            &format!("[store]\npath = \"/{long}\""),
            "x:3: error: store.path: the administration socket",
        );
        assert_eq!(
            says(&format!("[store]\npath = \"/{long}\"\n[admin]\nsocket = \"/s\"")),
            ""
        );
        let missing = "x:3: warning: admin.socket: there is no folder /absent";
        one("[admin]\nsocket = \"/absent/s\"", missing);
    }

    #[test]
    fn sockets_of_ldap_are_paths_each_its_own_in_a_folder_that_is_there() {
        let sockets = |list: &str| format!("[ldap]\nlisten_ldapi = [{list}]");
        let long = "x".repeat(107);
        one(
            &sockets(&format!("\"/{long}\"")),
            "x:3: error: ldap.listen_ldapi[0]: the LDAP socket would have a path of 108 bytes; set it to",
        );
        one(
            &sockets("\"/s\", \"/s\""),
            "x:3: error: ldap.listen_ldapi[1]: a socket that is listened on already",
        );
        one(
            &sockets("\"\""),
            "x:3: error: ldap.listen_ldapi[0]: the empty path",
        );
        let missing = "x:3: warning: ldap.listen_ldapi[0]: there is no folder /absent for the LDAP socket";
        one(&sockets("\"/absent/s\""), missing);
        assert_eq!(says(&sockets("\"/s\", \"/t\"")), "");
    }
}
