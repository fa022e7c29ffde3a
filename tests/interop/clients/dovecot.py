"""Dovecot: people are found with the service account, log in to IMAP by a bind of their own, and have a home."""
import concurrent.futures, imaplib, subprocess

import campus as at, peers

CONF = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
mail_location = maildir:~/mail
protocols = imap
listen = 127.0.0.1
ssl = no
first_valid_uid = 10000
# One address tries very often here.
auth_failure_delay = 0
mail_max_userip_connections = 100
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
}}
passdb {{
  driver = ldap
  args = {folder}/ldap.conf
}}
userdb {{
  driver = ldap
  args = {folder}/ldap.conf
}}
"""
LDAP_CONF = """
uris = {url}
tls_ca_cert_file = {ca}
tls_require_cert = hard
dn = {dn}
dnpass = {pin}
base = {people}
auth_bind = yes
pass_filter = (&(objectClass=posixAccount)(mail=*)(|(uid=%u)(mail=%u)))
pass_attrs = uid=user
user_filter = (&(objectClass=posixAccount)(|(uid=%u)(mail=%u)))
user_attrs = uidNumber=uid, gidNumber=gid, =home={folder}/home/%{{ldap:uid}}, displayName=display, memberOf=groups
iterate_filter = (&(objectClass=posixAccount)(mail=*))
iterate_attrs = uid=user
"""

REFUSED = "[AUTHENTICATIONFAILED] Authentication failed."
NO_USER = 67


class Dovecot(peers.Server):
    def __init__(self, campus):
        self.folder, self.port = campus.folder / "dovecot", peers.free_port()
        self.home = self.folder / "home"
        self.home.mkdir(parents=True)
        self.home.chmod(0o1777)
        names = {"folder": self.folder, "port": self.port, "url": campus.tls_url, "ca": campus.ca, "people": at.PEOPLE,
                 "dn": at.SERVICE_DN, "pin": at.SERVICE_PIN}
        (self.folder / "dovecot.conf").write_text(CONF.format(**names))
        (self.folder / "ldap.conf").write_text(LDAP_CONF.format(**names))
        self.start(["dovecot", "-F", "-c", self.folder / "dovecot.conf"])
        peers.wait_for(lambda: peers.tcp_open(self.port), "Dovecot")

    def log_in(self, name, pin=None):
        """`OK` if there is an INBOX, or the words of the refusal."""
        imap = imaplib.IMAP4("127.0.0.1", self.port)
        try:
            imap.authenticate("PLAIN", lambda _: f"\0{name}\0{pin or at.pin_of(name)}".encode())
            return imap.select()[0]
        except imap.error as error:
            return str(error)
        finally:
            imap.shutdown()

    def doveadm(self, *words):
        return subprocess.run(["doveadm", "-c", self.folder / "dovecot.conf", *words], text=True, capture_output=True)


def check(campus, checks):
    with Dovecot(campus) as dovecot:
        log_ins(campus, dovecot, checks)
        reading(dovecot, checks)
        locking(dovecot, checks)
        stopping(campus, dovecot, checks)


def log_ins(campus, dovecot, checks):
    checks.equal("a right PIN opens the INBOX", dovecot.log_in("ada"), "OK")
    checks.equal("so does one that is not ASCII", dovecot.log_in("rene"), "OK")
    checks.equal("so does a mail address", dovecot.log_in("zoe@uni.example", at.pin_of("zoe")), "OK")
    checks.equal("who comes by mail address is the same person", sorted(home.name for home in dovecot.home.iterdir()),
                 ["ada", "rene", "zoe"])
    for uid, pin, why in [("ada", "wrong", "a wrong PIN"), ("nobody", "wrong", "an unknown name"),
                          (at.NO_MAIL, None, "a person without mail"), (at.DISABLED, None, "a disabled account"),
                          ("*", at.pin_of("ada"), "a name that is a wildcard"),
                          ("ada)(uid=*", at.pin_of("ada"), "a name that is a filter")]:
        checks.equal(f"{why} is refused", dovecot.log_in(uid, pin), REFUSED)
    with concurrent.futures.ThreadPoolExecutor(len(at.STUDENTS)) as pool:
        said = list(pool.map(dovecot.log_in, at.STUDENTS))
    checks.equal("a whole lecture hall logs in at once", said, ["OK"] * len(at.STUDENTS))
    log_in = 'event="login_accepted" subject='
    checks.eventually("each log-in is audited", lambda: all(log_in + at.dn_of(uid) in campus.log() for uid in at.STUDENTS))


def reading(dovecot, checks):
    of_grace = dict(line.split("\t") for line in dovecot.doveadm("user", "grace").stdout.splitlines())
    checks.equal("uidNumber is her uid", of_grace.get("uid"), str(at.uid_number("grace")))
    checks.equal("memberOf is her group", of_grace.get("groups"), at.group_dn("staff"))
    of_yamada = dovecot.doveadm("user", "-f", "display", "yamada").stdout
    checks.equal("a name in Japanese arrives whole", of_yamada, "太郎 山田\n")
    unknown = dovecot.doveadm("user", "nobody")
    checks.equal("doveadm knows that nobody is unknown", unknown.returncode, NO_USER)
    everybody = dovecot.doveadm("user", "*").stdout.split()
    checks.equal("all who have mail are listed", sorted(everybody), sorted(set(at.UIDS) - {at.NO_MAIL}))


def locking(dovecot, checks):
    for guess in range(8):
        dovecot.log_in("locked", f"guess-{guess}")
    checks.equal("after eight wrong PINs the right one is refused in the same words", dovecot.log_in("locked"), REFUSED)
    checks.equal("others still log in", dovecot.log_in("ada"), "OK")


def stopping(campus, dovecot, checks):
    campus.stop()
    said = dovecot.log_in("ada")
    checks.that("without beadle the failure is temporary, not a wrong PIN", said.startswith("[UNAVAILABLE]"), said)
    campus.start_again()
    checks.eventually("when beadle is back, so is the mail", lambda: dovecot.log_in("ada") == "OK")
    checks.equal("who was locked is locked still", dovecot.log_in("locked"), REFUSED)
