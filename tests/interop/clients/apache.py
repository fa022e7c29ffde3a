"""Apache's mod_authnz_ldap: people by search and bind, with a service account and without, and every kind of group."""
import base64, http.client

import campus as at, peers

CONF = """
ServerRoot /usr/lib/apache2
ServerName localhost
DefaultRuntimeDir {folder}
PidFile {folder}/pid
ErrorLog {folder}/error.log
Listen 127.0.0.1:{port}
User www-data
Group www-data
DocumentRoot {folder}/pages
{modules}
LDAPTrustedGlobalCert CA_BASE64 {ca}
# Nothing is remembered here, so that every answer is beadle's.
LDAPCacheTTL 0
LDAPOpCacheTTL 0
"""
PLACE = """
<Location /{place}>
    AuthType Basic
    AuthName campus
    AuthBasicProvider ldap
    {manner}
    {rule}
    Header set Cn %{{AUTHENTICATE_cn}}e
</Location>
"""
MODULES = "mpm_event authn_core authz_core authz_user auth_basic headers ldap authnz_ldap".split()
SEARCH = f"/{at.PEOPLE}?uid,cn,mail?sub?(objectClass=posixAccount)"
BY_SERVICE = f"""AuthLDAPURL {{tls_url}}{SEARCH}
    AuthLDAPBindDN {at.SERVICE_DN}
    AuthLDAPBindPassword {at.SERVICE_PIN}"""
BY_STRANGER = f"AuthLDAPURL {{url}}/{at.PEOPLE}?uid STARTTLS"
AS_USER = f"""AuthLDAPURL {{tls_url}}{SEARCH}
    AuthLDAPInitialBindAsUser on
    AuthLDAPInitialBindPattern (.+) uid=$1,{at.PEOPLE}
    AuthLDAPSearchAsUser on
    AuthLDAPCompareAsUser on"""
ALL = [uid for uid in at.UIDS if uid not in (at.DISABLED, "locked")]
STAFF = [uid for uid in at.STAFF if uid != at.DISABLED]
IN_STAFF = f"Require ldap-group {at.group_dn('staff')}"
# Place, how people are looked up there, its rule, and who comes in.
PLACES = [
    ("valid", BY_SERVICE, "Require valid-user", ALL),
    ("user", BY_SERVICE, "Require ldap-user ada grace", ["ada", "grace"]),
    ("dn", BY_SERVICE, f"Require ldap-dn {at.dn_of('ada')}", ["ada"]),
    ("group-of-names", BY_SERVICE, IN_STAFF, STAFF),
    ("group-of-unique-names", BY_SERVICE, f"""Require ldap-group {at.group_dn('library')}
    AuthLDAPGroupAttribute uniqueMember""", at.LIBRARY),
    ("posix-group", BY_SERVICE, f"""Require ldap-group {at.group_dn('unixstaff')}
    AuthLDAPGroupAttribute memberUid
    AuthLDAPGroupAttributeIsDN off""", STAFF),
    ("group-in-group", BY_SERVICE, f"""Require ldap-group {at.group_dn('campus')}
    AuthLDAPMaxSubGroupDepth 3
    AuthLDAPSubGroupAttribute member
    AuthLDAPSubGroupClass groupOfNames""", [*STAFF, *at.LAB, "s1001"]),
    ("attribute", BY_SERVICE, "Require ldap-attribute employeeType=student", at.STUDENTS),
    ("filter", BY_SERVICE, "Require ldap-filter &(employeeType=staff)(mail=z*)", ["zoe"]),
    ("member-of", BY_SERVICE, f"Require ldap-filter memberOf:1.2.840.113556.1.4.1941:={at.group_dn('faculty')}",
     [*STAFF, *at.LAB]),
    ("public", BY_STRANGER, "Require valid-user", ALL),
    ("public-group", BY_STRANGER, IN_STAFF, STAFF),
    ("as-user", AS_USER, IN_STAFF, STAFF),
    ("forbidden", BY_SERVICE, f"{IN_STAFF}\n    AuthzSendForbiddenOnFailure On", STAFF),
]


class Apache(peers.Server):
    def __init__(self, campus):
        self.folder, self.port = campus.folder / "apache", peers.free_port()
        modules = "\n".join(f"LoadModule {name}_module modules/mod_{name}.so" for name in MODULES)
        conf = CONF.format(folder=self.folder, port=self.port, ca=campus.ca, modules=modules)
        for place, manner, rule, _ in PLACES:
            manner = manner.format(url=campus.url, tls_url=campus.tls_url)
            conf += PLACE.format(place=place, manner=manner, rule=rule)
            (self.folder / "pages" / place).mkdir(parents=True)
            (self.folder / "pages" / place / "index.html").write_text("in\n")
        (self.folder / "apache.conf").write_text(conf)
        self.start(["apache2", "-D", "FOREGROUND", "-f", self.folder / "apache.conf"])
        peers.wait_for(lambda: peers.tcp_open(self.port), "Apache")

    def ask(self, place, uid, pin=None):
        """The status of a page, and the name that Apache has read of who asks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        who = base64.b64encode(f"{uid}:{pin or at.pin_of(uid)}".encode()).decode()
        connection.request("GET", f"/{place}/index.html", headers={"Authorization": f"Basic {who}"})
        answer = connection.getresponse()
        connection.close()
        return answer.status, (answer.getheader("Cn") or "").encode("latin-1").decode()


def check(campus, checks):
    with Apache(campus) as apache:
        status = lambda *asked: apache.ask(*asked)[0]
        for place, _, _, allowed in PLACES:
            let_in = [uid for uid in at.UIDS if status(place, uid) == 200]
            checks.equal(f"{place} lets in whom it should", set(let_in) - {"locked"}, set(allowed))
        checks.equal("a name arrives whole", apache.ask("valid", "lukasz"), (200, "Łukasz Żółć"))
        checks.equal("who is not in the group may not come in", status("group-of-names", "zoe"), 401)
        checks.equal("and is told so where Apache is to", status("forbidden", "zoe"), 403)
        for place, manner in ("valid", "with a service account"), ("public", "without"), ("as-user", "as oneself"):
            checks.equal(f"{manner}, a wrong PIN is refused", status(place, "ada", "wrong"), 401)
            checks.equal(f"{manner}, so is an unknown name", status(place, "nobody", "wrong"), 401)
            checks.equal(f"{manner}, so is a wildcard", status(place, "ad*", at.pin_of("ada")), 401)
        stopping(campus, status, checks)


def stopping(campus, status, checks):
    for guess in range(8):
        status("valid", "locked", f"guess-{guess}")
    checks.equal("after eight wrong PINs the right one is refused", status("valid", "locked"), 401)
    campus.stop()
    checks.equal("without beadle the server is at fault, not the PIN", status("valid", "ada"), 500)
    campus.start_again()
    checks.eventually("when beadle is back, so are the pages", lambda: status("valid", "ada") == 200)
    checks.equal("and their groups", status("group-of-names", "grace"), 200)
