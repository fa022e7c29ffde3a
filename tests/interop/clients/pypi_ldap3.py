"""PyPI's ldap3: written in Python alone, strict about what a schema says, with entries as objects on top."""
import ssl, sys

import campus as at, registries

sys.path.insert(0, str(registries.pypi()))
import ldap3
from ldap3.core.exceptions import LDAPOperationResult, LDAPSocketOpenError
from ldap3.protocol.rfc4527 import post_read_control, pre_read_control
from ldap3.utils.conv import escape_filter_chars

AROUND = "1.2.840.113556.1.4.1941"


class Client:
    """Connections to one campus."""

    def __init__(self, campus):
        tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=str(campus.ca))
        self.server = ldap3.Server(campus.tls_url, tls=tls, get_info=ldap3.ALL)
        self.plain = ldap3.Server(campus.url, tls=tls, get_info=ldap3.ALL)

    def open(self, dn, pin, **more):
        return ldap3.Connection(self.server, dn, pin, auto_bind=True, **more)

    def member(self, uid):
        return self.open(at.dn_of(uid), at.pin_of(uid))

    def service(self, **more):
        return self.open(at.SERVICE_DN, at.SERVICE_PIN, **more)

    def root(self):
        return self.open(at.ROOT_DN, at.ROOT_PIN)


def check(campus, checks):
    client = Client(campus)
    log_ins(client, checks)
    discovery(client, checks)
    groups(client, checks)
    searches(client, checks)
    failures(client, checks)
    own_entry(client, checks)
    writes(client, checks)
    objects(client, checks)
    reading_entries(client.root(), checks)


def outcome(connection):
    return connection.result["description"], connection.result["message"]


def log_ins(client, checks):
    for uid in "ada", "rene":
        checks.equal(f"{uid} logs in", client.member(uid).extend.standard.who_am_i(), f"dn:{at.dn_of(uid)}")
    for uid, pin, why in [("ada", "wrong", "a wrong PIN"), ("nobody", "wrong", "an unknown name"),
                          (at.DISABLED, at.pin_of(at.DISABLED), "a disabled account")]:
        connection = ldap3.Connection(client.server, at.dn_of(uid), pin)
        checks.equal(f"{why} is refused in the same words", (connection.bind(), *outcome(connection)),
                     (False, "invalidCredentials", ""))
    connection = ldap3.Connection(client.plain, at.SERVICE_DN, at.SERVICE_PIN, auto_bind=ldap3.AUTO_BIND_TLS_BEFORE_BIND)
    checks.that("StartTLS is verified, and a log-in goes over it", connection.bound and connection.tls_started)
    connection = ldap3.Connection(client.server, authentication=ldap3.SASL, sasl_mechanism=ldap3.PLAIN,
                                  sasl_credentials=(None, "mary", at.pin_of("mary")), auto_bind=True)
    checks.equal("SASL PLAIN logs in by a bare UID", connection.extend.standard.who_am_i(), f"dn:{at.dn_of('mary')}")
    connection.rebind(at.dn_of("ada"), at.pin_of("ada"))
    checks.equal("one connection logs in anew", connection.extend.standard.who_am_i(), f"dn:{at.dn_of('ada')}")
    checks.that("an unbind ends it", connection.unbind() and connection.closed)
    try:
        ldap3.Connection(ldap3.Server(client.server.name, tls=ldap3.Tls(validate=ssl.CERT_REQUIRED))).open()
        checks.that("a server whose authority is unknown is refused", False)
    except LDAPSocketOpenError as error:
        checks.that("a server whose authority is unknown is refused", "CERTIFICATE_VERIFY_FAILED" in str(error), error)


def discovery(client, checks):
    client.service()
    info, schema = client.server.info, client.server.schema
    checks.equal("the root DSE names the suffix", info.naming_contexts, [at.SUFFIX])
    offers = info.supported_controls + info.supported_extensions + info.supported_features
    checks.equal("ldap3 knows by name what it offers", [oid for oid, _, name, _ in offers if not name], [])
    person = schema.object_classes["inetOrgPerson"]
    checks.equal("a class knows those above it", person.superior, ["organizationalPerson"])
    checks.that("and what its entries may have", {"mail", "uid", "jpegPhoto"} <= set(person.may_contain), person.may_contain)
    rules, syntaxes = schema.matching_rules, schema.ldap_syntaxes
    kinds = schema.attribute_types.values()
    # ldap3 keeps an attribute type under each of its names.
    strange = {kind.oid: kind.syntax for kind in kinds if kind.syntax and kind.syntax.split("{")[0] not in syntaxes}
    checks.equal("every syntax is told of", strange, {})
    strange = {kind.oid: kind.equality for kind in kinds if kind.equality and kind.equality[0] not in rules}
    checks.equal("and every matching rule", strange, {})
    classes = {name.lower() for one in schema.object_classes.values() for name in one.name}
    above = {name for one in schema.object_classes.values() for name in one.superior or [] if name.lower() not in classes}
    checks.equal("and every class above another", above, set())


def values(connection, attribute, search_filter, base=at.GROUPS):
    connection.search(base, search_filter, attributes=[attribute])
    return sorted(str(value) for entry in connection.entries for value in entry[attribute].values)


def groups(client, checks):
    connection, ada = client.service(), at.dn_of("ada")
    for kind, value in ("member", ada), ("uniqueMember", ada), ("memberUid", "ada"):
        checks.equal(f"groups by {kind}", values(connection, "cn", f"({kind}={value})"), at.groups_with(kind, value))
    checks.equal("groups in groups", values(connection, "cn", f"(member:{AROUND}:={ada})"), at.groups_around(ada))
    checks.equal("memberOf", values(connection, "memberOf", "(uid=ada)", ada), at.member_of(ada))


def searches(client, checks):
    connection = client.service()
    pages = connection.extend.standard.paged_search(at.SUFFIX, "(objectClass=*)", attributes=["*", "+"], paged_size=5)
    names = [entry["dn"] for entry in pages]
    checks.equal("pages bring everything once", sorted(names), sorted(dn for dn, _ in at.entries()))
    name = escape_filter_chars("Żółć")
    checks.equal("a name with letters of its own is found", values(connection, "uid", f"(sn={name})", at.PEOPLE), ["lukasz"])
    checks.equal("what would be a filter is a name", values(connection, "uid", f"(uid={escape_filter_chars('*')})", at.PEOPLE), [])
    connection.search(at.dn_of("ada"), "(uidNumber>=10001)", ldap3.BASE, attributes=["uidNumber", "createTimestamp", "memberOf"])
    entry = connection.entries[0]
    checks.equal("values have the types of their syntaxes", (entry.uidNumber.value, entry.createTimestamp.value.tzname()),
                 (at.uid_number("ada"), "UTC"))
    asynchronous = client.service(client_strategy=ldap3.ASYNC)
    asked = [asynchronous.search(at.PEOPLE, f"(uid={uid})", attributes=["uid"]) for uid in at.UIDS]
    found = [asynchronous.get_response(message)[0][0]["attributes"]["uid"][0] for message in asked]
    checks.equal("searches that overlap are all answered", found, at.UIDS)
    asynchronous.abandon(asynchronous.search(at.SUFFIX, "(objectClass=*)"))
    answer = asynchronous.get_response(asynchronous.search(at.dn_of("ada"), "(uid=ada)"))
    checks.equal("after one is abandoned the next is answered", answer[1]["description"], "success")
    asynchronous.unbind()


def failures(client, checks):
    connection = client.member("mary")
    connection.search(f"ou=nowhere,{at.SUFFIX}", "(objectClass=*)")
    checks.equal("what is not there", (connection.result["description"], connection.result["dn"]), ("noSuchObject", at.SUFFIX))
    connection.search(at.SUFFIX, "(objectClass=*)", size_limit=3)
    checks.equal("a size limit gives what there is until then", (outcome(connection)[0], len(connection.entries)),
                 ("sizeLimitExceeded", 3))
    connection.search(at.SUFFIX, "(uid=ada)", controls=[("1.2.3.4.5", True, None)])
    checks.equal("an unknown critical control", outcome(connection)[0], "unavailableCriticalExtension")
    connection.search(at.SUFFIX, "(uid=ada)", controls=[("1.2.3.4.5", False, b"whatever")])
    checks.equal("one that is not critical is passed over", len(connection.entries), 1)
    connection.extended("1.2.3.4.5")
    checks.equal("an unknown extension", outcome(connection)[0], "protocolError")
    connection.delete(at.dn_of("ada"))
    checks.equal("a member deletes nobody", outcome(connection)[0], "insufficientAccessRights")
    raising = client.open(at.dn_of("mary"), at.pin_of("mary"), raise_exceptions=True)
    try:
        raising.search(f"ou=nowhere,{at.SUFFIX}", "(objectClass=*)")
        checks.that("a refusal can be raised", False)
    except LDAPOperationResult as error:
        checks.equal("a refusal can be raised", type(error).__name__, "LDAPNoSuchObjectResult")
    connection.search("dc=elsewhere", "(objectClass=*)")
    checks.equal("no referral", (outcome(connection)[0], connection.result["referrals"]), ("noSuchObject", None))


def own_entry(client, checks):
    connection, own = client.member("grace"), at.dn_of("grace")
    connection.modify(own, {"telephoneNumber": [(ldap3.MODIFY_REPLACE, ["+49 30 4711"])]})
    checks.equal("a member changes her own number", values(connection, "telephoneNumber", "(uid=grace)", own), ["+49 30 4711"])
    connection.modify(own, {"title": [(ldap3.MODIFY_REPLACE, ["Queen"])]})
    checks.equal("and not her title", outcome(connection), ("insufficientAccessRights", "title: you may not write it"))
    password = connection.extend.standard.modify_password
    password(own, "wrong", "a-newer-pin-5")
    checks.that("a wrong present PIN changes nothing", outcome(connection)[0] != "success", outcome(connection))
    password(own, at.pin_of("grace"), "a-newer-pin-5")
    checks.equal("the right one changes it", outcome(connection)[0], "success")
    checks.that("the new one logs in", client.open(own, "a-newer-pin-5").bound)
    checks.that("the old one no more", not ldap3.Connection(client.server, own, at.pin_of("grace")).bind())
    made_up = client.root().extend.standard.modify_password(own)
    checks.that("an administrator has one made up, which logs in", client.open(own, made_up).bound)


def writes(client, checks):
    connection, dn, moved = client.root(), f"uid=new,{at.PEOPLE}", f"uid=newer,{at.SUFFIX}"
    attributes = {"cn": "Neu", "sn": "Ling", "uidNumber": 20500, "gidNumber": 20500, "homeDirectory": "/home/new"}
    add = lambda: (connection.add(dn, ["inetOrgPerson", "posixAccount"], attributes), outcome(connection)[0])
    checks.equal("an entry is added", add(), (True, "success"))
    checks.equal("and only once", add(), (False, "entryAlreadyExists"))
    connection.modify(dn, {"uidNumber": [(ldap3.MODIFY_INCREMENT, [5])], "jpegPhoto": [(ldap3.MODIFY_ADD, [b"\xff\xd8\0"])]})
    checks.equal("a number is incremented", values(connection, "uidNumber", "(cn=Neu)", dn), ["20505"])
    connection.modify(dn, {"title": [(ldap3.MODIFY_ADD, ["Dr."])], "description": [(ldap3.MODIFY_DELETE, [])]})
    checks.equal("half a change is none", (outcome(connection)[0], values(connection, "title", "(title=*)", dn)),
                 ("noSuchAttribute", []))
    checks.that("compare is true", connection.compare(dn, "sn", "ling"))
    checks.that("or false", not connection.compare(dn, "sn", "lang"))
    checks.that("it is renamed and moved", connection.modify_dn(dn, "uid=newer", new_superior=at.SUFFIX), outcome(connection))
    lab = at.group_dn("lab")
    checks.that("a group takes it in", connection.extend.microsoft.add_members_to_groups([moved], [lab]), outcome(connection))
    checks.that("it is deleted", connection.delete(moved), outcome(connection))
    checks.that("also from its group", moved not in values(connection, "member", "(cn=lab)", lab))
    connection.delete(at.PEOPLE)
    checks.equal("what has entries below stays", outcome(connection)[0], "notAllowedOnNonLeaf")


def objects(client, checks):
    """ldap3's own layer of objects takes everything that it knows from the schema."""
    connection = client.open(at.dn_of("registrar"), at.pin_of("registrar"))
    person = ldap3.ObjectDef(["inetOrgPerson", "beadleAccount"], connection)
    writer = ldap3.Writer(connection, person, at.PEOPLE)
    entry = writer.new(f"uid=objective,{at.PEOPLE}")
    entry.cn, entry.sn, entry.title = "Ob Jective", "Jective", "Dr."
    checks.that("an object becomes an entry", writer.commit(), connection.result)
    found = ldap3.Reader(connection, person, at.PEOPLE, "title: Dr.").search()
    checks.equal("and is found as one", [found.entry_dn for found in found], [f"uid=objective,{at.PEOPLE}"])
    entry = found[0].entry_writable()
    entry.departmentNumber += "7"
    checks.that("it is changed where it was", entry.entry_commit_changes(), connection.result)
    checks.equal("and read again", entry.departmentNumber.values, ["7"])
    entry.entry_delete()
    checks.that("and deleted", entry.entry_commit_changes(), connection.result)


def reading_entries(connection, checks):
    olga = at.dn_of("olga")
    controls = [pre_read_control(["title", "mail"], True), post_read_control(["title", "mail"], True)]
    connection.modify(olga, {"title": [(ldap3.MODIFY_REPLACE, ["Dr."])]}, controls=controls)
    answered = connection.result["controls"]
    titles = [answered[oid]["value"]["result"].get("title") for oid in ("1.3.6.1.1.13.1", "1.3.6.1.1.13.2")]
    checks.equal("an entry is read before and after its change", titles, [None, ["Dr."]])
