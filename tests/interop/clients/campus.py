"""A small campus that every client meets alike: the real binary, its people, their groups and what the rules grant.

Everybody's PIN is `pin_of(uid)`. Whoever is named below is there for a check that somebody makes.
"""
import base64, hashlib, pathlib, subprocess, sys, urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import peers

SUFFIX = peers.SUFFIX
PEOPLE, GROUPS = f"ou=people,{SUFFIX}", f"ou=groups,{SUFFIX}"
SERVICE_DN, SERVICE_PIN = f"cn=app,ou=services,{SUFFIX}", "app-service-pin-1"
ROOT_DN, ROOT_PIN = peers.ROOT_DN, peers.ROOT_PIN

# uid, given name, surname. uidNumber counts from 10001 in this order.
NAMES = [
    ("ada", "Ada", "Lovelace"), ("grace", "Grace", "Hopper"), ("alan", "Alan", "Turing"), ("mary", "Mary", "Cartwright"),
    ("rene", "René", "Descartes"), ("soren", "Søren", "Kierkegaard"), ("lukasz", "Łukasz", "Żółć"),
    ("yamada", "太郎", "山田"), ("olga", "Ольга", "Ладыженская"), ("zoe", "Zoë", "Müller-Lüdenscheidt"),
    ("nomail", "Nora", "Without"), ("disabled", "Dirk", "Disabled"), ("locked", "Lena", "Locked"),
    ("registrar", "Rita", "Registrar"), ("writer", "Will", "Writer"),
] + [(f"s{number}", "Sam", f"Student {number}") for number in range(1001, 1018)]
UIDS = [uid for uid, _, _ in NAMES]
NO_MAIL, DISABLED = "nomail", "disabled"
READY = "beadle: ready"
GID_EVERYBODY, GID_STAFF, GID_STUDENTS, GID_LAB, GID_FACULTY = 20000, 20001, 20002, 20003, 20004

STAFF = ["ada", "grace", "alan", "rene", "yamada", "disabled"]
LAB = ["olga", "zoe"]
STUDENTS = [uid for uid in UIDS if uid.startswith("s1")]
LIBRARY = ["ada", "lukasz", "s1001"]

# staff and lab are in faculty, faculty is in campus: a group two deep.
RULES = f"""
[[ldap.service]]
name = "app"
password_hash = "{{service_hash}}"
[tls]
certificate = "{{folder}}/cert.pem"
private_key = "{{folder}}/key.pem"
[access]
rules = [
  "the public may read objectClass, dc, o, ou, uid, cn, sn, givenName, displayName, mail of people and places",
  "the public may read * of groups",
  "members may read * of everything",
  "services may read *, + of everything",
  "self may write telephoneNumber, mobile, jpegPhoto, preferredLanguage",
  "group cn=registry,{GROUPS} may write title, departmentNumber, userPassword of people",
  "group cn=registry,{GROUPS} may add and delete people below {PEOPLE}",
  "service app may write member, uniqueMember, memberUid, description of groups",
  "service app may add and delete groups below {GROUPS}",
]
"""


def pin_of(uid):
    """A person's PIN. René's is not ASCII, as his name."""
    return f"pín-of-{uid}-ß" if uid == "rene" else f"pin-of-{uid}"


def dn_of(uid):
    return f"uid={uid},{PEOPLE}"


def group_dn(cn):
    return f"cn={cn},{GROUPS}"


def uid_number(uid):
    return 10001 + UIDS.index(uid)


def ssha(pin, salt=b"clients!"):
    return "{SSHA}" + base64.b64encode(hashlib.sha1(pin.encode() + salt).digest() + salt).decode()


def person(uid, given, surname):
    attributes = [
        ("objectClass", "inetOrgPerson"), ("objectClass", "posixAccount"), ("objectClass", "shadowAccount"),
        ("objectClass", "beadleAccount"), ("uid", uid), ("cn", f"{given} {surname}"), ("givenName", given), ("sn", surname),
        ("displayName", f"{given} {surname}"), ("uidNumber", str(uid_number(uid))), ("gidNumber", str(GID_EVERYBODY)),
        ("homeDirectory", f"/home/{uid}"), ("loginShell", "/bin/sh"), ("userPassword", ssha(pin_of(uid))),
        ("employeeType", "student" if uid in STUDENTS else "staff"), ("telephoneNumber", f"+49 30 {uid_number(uid)}"),
    ]
    if uid != NO_MAIL:
        attributes.append(("mail", f"{uid}@uni.example"))
    if uid == DISABLED:
        attributes.append(("beadleDisabled", "TRUE"))
    return dn_of(uid), attributes


def group(cn, classes, *attributes):
    return group_dn(cn), [("objectClass", name) for name in classes] + [("cn", cn), *attributes]


def entries():
    yield SUFFIX, [("objectClass", "dcObject"), ("objectClass", "organization"), ("o", "University"), ("dc", "uni")]
    for unit in "people", "groups":
        yield f"ou={unit},{SUFFIX}", [("objectClass", "organizationalUnit"), ("ou", unit)]
    for name in NAMES:
        yield person(*name)
    members = lambda uids, kind="member": [(kind, dn_of(uid)) for uid in uids]
    member_uids = lambda uids: [("memberUid", uid) for uid in uids]
    names, unique = ["groupOfNames"], ["groupOfUniqueNames"]
    posix = ["groupOfMembers", "posixGroup"]
    yield group("staff", names, *members(STAFF))
    yield group("lab", names, *members(LAB))
    yield group("faculty", names, ("member", group_dn("staff")), ("member", group_dn("lab")))
    yield group("campus", names, ("member", group_dn("faculty")), ("member", dn_of("s1001")))
    yield group("registry", names, *members(["registrar"]))
    yield group("library", unique, *members(LIBRARY, "uniqueMember"))
    yield group("everybody", posix, ("gidNumber", str(GID_EVERYBODY)))
    yield group("unixstaff", posix, ("gidNumber", str(GID_STAFF)), *member_uids(STAFF))
    yield group("unixlab", [*names, "posixGroup"], ("gidNumber", str(GID_LAB)), *members(LAB))
    yield group("unixfaculty", [*names, "posixGroup"], ("gidNumber", str(GID_FACULTY)), ("member", group_dn("unixlab")),
                ("member", dn_of("ada")))
    yield group("unixstudents", posix, ("gidNumber", str(GID_STUDENTS)), *member_uids(STUDENTS))


def groups_with(kind, value):
    """The groups that have this value, sorted."""
    return sorted(dict(attributes)["cn"] for _, attributes in entries() if (kind, value) in attributes)


def groups_around(dn):
    """The groups that have this name for a member, or a group that has it, and so on, sorted."""
    found = {cn for own in groups_with("member", dn) for cn in [own, *groups_around(group_dn(own))]}
    return sorted(found)


def member_of(dn):
    """What `memberOf` says, sorted."""
    return sorted(group_dn(cn) for kind in ("member", "uniqueMember") for cn in groups_with(kind, dn))


def ldif():
    """The campus as LDIF (RFC 2849), everything in base64 that may need it."""
    line = lambda kind, value: f"{kind}:: {base64.b64encode(value.encode()).decode()}\n"
    return "".join(line("dn", dn) + "".join(line(*pair) for pair in attributes) + "\n" for dn, attributes in entries())


def certificate(folder):
    """A certificate for this machine, and the authority that clients trust, by openssl."""
    openssl = lambda *words: subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    key = "-newkey", "rsa:2048", "-nodes"
    openssl("req", "-x509", *key, "-keyout", "ca-key.pem", "-out", "ca.pem", "-subj", "/CN=Campus authority", "-days", "2")
    openssl("req", *key, "-keyout", "key.pem", "-out", "cert.csr", "-subj", "/CN=localhost")
    (folder / "names").write_text("subjectAltName = DNS:localhost, IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "cert.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-days", "2",
            "-extfile", "names", "-out", "cert.pem")


class Campus:
    """The campus, served by beadle; `with` stops it. `folder` is the client's to write into.

    The URLs have numbers, because libldap asks a certificate for the machine's own name where they say localhost.
    """

    def __init__(self, binary, folder):
        self.folder = pathlib.Path(folder)
        certificate(self.folder)
        (self.folder / "campus.ldif").write_text(ldif())
        more = RULES.format(folder=self.folder, service_hash=ssha(SERVICE_PIN))
        self.beadle = peers.Beadle(binary, self.folder / "beadle", self.folder / "campus.ldif", more)
        self.wait_until_ready(1)
        self.ca = self.folder / "ca.pem"
        self.url, self.tls_url = f"ldap://127.0.0.1:{self.beadle.port}", f"ldaps://127.0.0.1:{self.beadle.tls_port}"
        self.ldapi_url = "ldapi://" + urllib.parse.quote(str(self.beadle.folder / "ldapi"), safe="")

    def stop(self):
        self.beadle.stop()

    def start_again(self):
        starts = self.log().count(READY)
        self.beadle.launch()
        self.wait_until_ready(starts + 1)

    def start_again_with(self, tables):
        """With more tables of the configuration."""
        self.stop()
        with open(self.beadle.config, "a") as config:
            config.write(tables)
        self.start_again()

    def wait_until_ready(self, starts):
        """It answers "busy" until the directory is loaded."""
        peers.wait_for(lambda: self.log().count(READY) == starts, "beadle")

    def log(self):
        """What beadle has written to its log so far."""
        return (self.beadle.folder / "log").read_text()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
