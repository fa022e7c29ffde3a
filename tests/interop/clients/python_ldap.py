"""python3-ldap: libldap in Python, with its controls, its schema, and its searches that overlap."""
import ldap, ldap.asyncsearch, ldap.filter, ldap.modlist, ldap.schema
from ldap.controls import LDAPControl
from ldap.controls.libldap import AssertionControl, SimplePagedResultsControl
from ldap.controls.ppolicy import PasswordPolicyControl
from ldap.controls.readentry import PostReadControl, PreReadControl
from ldap.controls.sss import SSSRequestControl, SSSResponseControl

import campus as at

AROUND = "1.2.840.113556.1.4.1941"


class Clients:
    """Connections to one campus."""

    def __init__(self, campus):
        self.campus = campus

    def connect(self, url=None, ca=None):
        connection = ldap.initialize(url or self.campus.tls_url)
        connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(ca or self.campus.ca))
        connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
        connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        connection.set_option(ldap.OPT_REFERRALS, 0)
        return connection

    def open(self, dn, pin):
        connection = self.connect()
        connection.simple_bind_s(dn, pin)
        return connection

    def member(self, uid):
        return self.open(at.dn_of(uid), at.pin_of(uid))

    def service(self):
        return self.open(at.SERVICE_DN, at.SERVICE_PIN)

    def root(self):
        return self.open(at.ROOT_DN, at.ROOT_PIN)


def check(campus, checks):
    clients = Clients(campus)
    log_ins(clients, checks)
    schema(clients.service(), checks)
    groups(clients.service(), checks)
    pages(clients.service(), checks)
    sorting(clients.service(), checks)
    overlapping(clients.service(), checks)
    failures(clients, checks)
    own_entry(clients, checks)
    writes(clients.root(), checks)
    reading_entries(clients.root(), checks)
    password_policy(clients, checks)


def refusal(do, *words, **more):
    """The name of the error, and what the server says beside it."""
    try:
        do(*words, **more)
        return "none", ""
    except ldap.LDAPError as error:
        return type(error).__name__, error.args[0].get("info", "")


def log_ins(clients, checks):
    for uid in "ada", "rene":
        checks.equal(f"{uid} logs in", clients.member(uid).whoami_s(), f"dn:{at.dn_of(uid)}")
    for uid, pin, why in [("ada", "wrong", "a wrong PIN"), ("nobody", "wrong", "an unknown name"),
                          (at.DISABLED, at.pin_of(at.DISABLED), "a disabled account")]:
        checks.equal(f"{why} is refused in the same words", refusal(clients.open, at.dn_of(uid), pin), ("INVALID_CREDENTIALS", ""))
    checks.equal("a name without a PIN is no log-in", refusal(clients.open, at.dn_of("ada"), "")[0], "UNWILLING_TO_PERFORM")
    plain = clients.connect(clients.campus.url)
    plain.start_tls_s()
    plain.simple_bind_s(at.SERVICE_DN, at.SERVICE_PIN)
    checks.equal("StartTLS is verified, and a log-in goes over it", plain.whoami_s(), f"dn:{at.SERVICE_DN}")
    stranger = clients.connect(ca="/dev/null")
    checks.equal("a server whose authority is unknown is refused", refusal(stranger.simple_bind_s)[0], "SERVER_DOWN")
    local = clients.connect(clients.campus.ldapi_url)
    local.sasl_external_bind_s()
    checks.that("EXTERNAL says who it is on this machine", local.whoami_s().endswith(",cn=peercred,cn=external,cn=auth"),
                local.whoami_s())


def schema(connection, checks):
    dn = connection.search_subschemasubentry_s()
    # With 2, python3-ldap refuses a name or an OID that is there twice.
    read = ldap.schema.SubSchema(connection.read_subschemasubentry_s(dn), 2)
    checks.that("the schema says nothing twice", read.listall(ldap.schema.ObjectClass))
    must, may = read.attribute_types(["inetOrgPerson"])
    checks.that("a person must have a surname and may have a mail address", "2.5.4.4" in must and any(
        "mail" in kind.names for kind in may.values()))
    kinds = [read.get_obj(ldap.schema.AttributeType, oid) for oid in read.listall(ldap.schema.AttributeType)]
    checks.equal("every syntax is told of", [kind.names for kind in kinds if kind.syntax and not read.get_obj(
        ldap.schema.LDAPSyntax, kind.syntax)], [])
    checks.equal("and every matching rule", [kind.names for kind in kinds for rule in (kind.equality, kind.ordering, kind.substr)
                                             if rule and not read.get_obj(ldap.schema.MatchingRule, rule)], [])
    checks.that("memberOf and entryUUID are not for users to change", all(
        read.get_obj(ldap.schema.AttributeType, name).no_user_mod for name in ("memberOf", "entryUUID")))
    checks.equal("the structural class of an account is found", read.get_structural_oc(
        ["beadleAccount", "posixAccount", "inetOrgPerson"]), read.get_obj(ldap.schema.ObjectClass, "inetOrgPerson").oid)


def values(connection, attribute, search_filter, base=at.GROUPS):
    found = connection.search_ext_s(base, ldap.SCOPE_SUBTREE, search_filter, [attribute])
    return sorted(value.decode() for _, attributes in found for value in attributes.get(attribute, []))


def groups(connection, checks):
    ada = at.dn_of("ada")
    for kind, value in ("member", ada), ("uniqueMember", ada), ("memberUid", "ada"):
        checks.equal(f"groups by {kind}", values(connection, "cn", f"({kind}={value})"), at.groups_with(kind, value))
    checks.equal("groups in groups", values(connection, "cn", f"(member:{AROUND}:={ada})"), at.groups_around(ada))
    checks.equal("memberOf", values(connection, "memberOf", "(uid=ada)", ada), at.member_of(ada))
    everybody = values(connection, "uid", f"(memberOf:{AROUND}:={at.group_dn('faculty')})", at.PEOPLE)
    checks.equal("everybody in a group and its groups", everybody, sorted(at.STAFF + at.LAB))


def controlled(connection, base, search_filter, attributes, *controls):
    """The entries, and the controls of the answer by their OIDs."""
    message = connection.search_ext(base, ldap.SCOPE_SUBTREE, search_filter, attributes, serverctrls=list(controls))
    known = {SSSResponseControl.controlType: SSSResponseControl, SimplePagedResultsControl.controlType: SimplePagedResultsControl}
    _, entries, _, answered = connection.result3(message, resp_ctrl_classes=known)
    return entries, {control.controlType: control for control in answered}


def pages(connection, checks):
    page, names, sizes = SimplePagedResultsControl(True, size=5, cookie=""), [], set()
    while True:
        entries, answered = controlled(connection, at.SUFFIX, "(objectClass=*)", ["*", "+"], page)
        names += [dn for dn, _ in entries]
        sizes.add(len(entries))
        page.cookie = answered[page.controlType].cookie
        if not page.cookie:
            break
    checks.equal("pages bring everything once", sorted(names), sorted(dn for dn, _ in at.entries()))
    checks.that("and no page has more than it should", max(sizes) == 5, sizes)
    page.cookie = b"made up"
    checks.that("a cookie that somebody made up is refused", refusal(
        controlled, connection, at.SUFFIX, "(objectClass=*)", None, page)[0] in ("PROTOCOL_ERROR", "UNWILLING_TO_PERFORM"))


def sorting(connection, checks):
    def students(*keys, critical=True):
        control = SSSRequestControl(critical, ordering_rules=keys)
        entries, answered = controlled(connection, at.PEOPLE, "(employeeType=student)", ["uid"], control)
        return [attributes["uid"][0].decode() for _, attributes in entries], answered[SSSResponseControl.controlType].sortResult

    checks.equal("sorted is sorted, and says so", students("-uidNumber"), (at.STUDENTS[::-1], 0))
    checks.equal("also by two keys", students("employeeType", "uid:caseIgnoreOrderingMatch"), (at.STUDENTS, 0))
    unsorted, result = students("nosuch", critical=False)
    checks.equal("by what nobody has is not sorted", (len(unsorted), int(result)), (len(at.STUDENTS), 16))


def overlapping(connection, checks):
    asked = {connection.search(at.PEOPLE, ldap.SCOPE_ONELEVEL, f"(uid={uid})", ["uid"]): uid for uid in at.UIDS}
    found = {uid: connection.result(message)[1][0][1]["uid"][0].decode() for message, uid in asked.items()}
    checks.equal("searches that overlap are all answered", found, {uid: uid for uid in at.UIDS})
    connection.abandon(connection.search(at.SUFFIX, ldap.SCOPE_SUBTREE))
    checks.equal("after an abandoned search the connection lives", connection.whoami_s(), f"dn:{at.SERVICE_DN}")
    listed = ldap.asyncsearch.List(connection)
    listed.startSearch(at.GROUPS, ldap.SCOPE_SUBTREE, "(objectClass=*)")
    listed.processResults()
    expected = [dn for dn, _ in at.entries() if dn.endswith(at.GROUPS)]
    checks.equal("entries come one by one", sorted(entry[0] for _, entry in listed.allResults), sorted(expected))


def failures(clients, checks):
    connection = clients.member("mary")
    search = lambda base, **more: connection.search_ext_s(base, ldap.SCOPE_SUBTREE, "(objectClass=*)", **more)
    try:
        search(f"ou=nowhere,{at.SUFFIX}")
    except ldap.NO_SUCH_OBJECT as error:
        checks.equal("what of a name is there is told", error.args[0].get("matched"), at.SUFFIX)
    checks.equal("no referral", refusal(search, "dc=elsewhere"), ("NO_SUCH_OBJECT", ""))
    checks.equal("a size limit", refusal(search, at.SUFFIX, sizelimit=3)[0], "SIZELIMIT_EXCEEDED")
    unknown = LDAPControl("1.2.3.4.5", True)
    checks.equal("an unknown critical control", refusal(search, at.SUFFIX, serverctrls=[unknown]),
                 ("UNAVAILABLE_CRITICAL_EXTENSION", "a critical control is not served for this operation"))
    unknown.criticality = False
    checks.equal("one that is not critical is passed over", refusal(search, at.SUFFIX, serverctrls=[unknown])[0], "none")
    checks.equal("a name that is none", refusal(search, "what is this?")[0], "INVALID_DN_SYNTAX")
    other = refusal(connection.passwd_s, at.dn_of("ada"), None, "a-newer-pin-5")
    checks.equal("nobody sets another's PIN", other[0], "INSUFFICIENT_ACCESS")
    checks.equal("a member deletes nobody", refusal(connection.delete_s, at.dn_of("ada"))[0], "INSUFFICIENT_ACCESS")
    stranger = refusal(clients.connect().modify_s, at.dn_of("ada"), [(ldap.MOD_DELETE, "mail", None)])
    checks.equal("a stranger changes nothing", stranger, ("STRONG_AUTH_REQUIRED", "log in first"))


def own_entry(clients, checks):
    connection, own = clients.member("grace"), at.dn_of("grace")
    photograph = [(ldap.MOD_REPLACE, "jpegPhoto", [b"\xff\xd8\0"]), (ldap.MOD_REPLACE, "mobile", [b"+49 4711"])]
    checks.equal("a member changes her own photograph and number", refusal(connection.modify_s, own, photograph)[0], "none")
    title = [(ldap.MOD_REPLACE, "title", [b"Queen"])]
    checks.equal("and not her title", refusal(connection.modify_s, own, title), ("INSUFFICIENT_ACCESS", "title: you may not write it"))
    checks.that("a wrong present PIN changes nothing", refusal(connection.passwd_s, own, "wrong", "a-newer-pin-5")[0] != "none")
    checks.equal("the right one changes it", refusal(connection.passwd_s, own, at.pin_of("grace"), "a-newer-pin-5")[0], "none")
    checks.equal("the new one logs in", clients.open(own, "a-newer-pin-5").whoami_s(), f"dn:{own}")
    checks.equal("the old one no more", refusal(clients.member, "grace")[0], "INVALID_CREDENTIALS")
    _, made_up = clients.root().passwd_s(own, None, None, extract_newpw=True)
    checks.equal("an administrator has one made up, which logs in", clients.open(own, made_up.genPasswd.decode()).whoami_s(),
                 f"dn:{own}")


def writes(connection, checks):
    dn, moved = f"uid=new,{at.PEOPLE}", f"uid=newer,{at.SUFFIX}"
    before = {"objectClass": [b"inetOrgPerson", b"posixAccount"], "cn": [b"Neu"], "sn": [b"Ling"], "uid": [b"new"],
              "uidNumber": [b"20500"], "gidNumber": [b"20500"], "homeDirectory": [b"/home/new"]}
    added = ldap.modlist.addModlist(before)
    checks.equal("an entry is added", refusal(connection.add_s, dn, added)[0], "none")
    checks.equal("and only once", refusal(connection.add_s, dn, added)[0], "ALREADY_EXISTS")
    changes = ldap.modlist.modifyModlist(before, {**before, "sn": [b"Lang"], "title": [b"Dr."]})
    checks.equal("what differs is changed", refusal(connection.modify_s, dn, changes)[0], "none")
    connection.modify_s(dn, [(ldap.MOD_INCREMENT, "uidNumber", [b"5"])])
    checks.equal("a number is incremented", values(connection, "uidNumber", "(sn=Lang)", dn), ["20505"])
    half = [(ldap.MOD_REPLACE, "title", [b"Prof."]), (ldap.MOD_DELETE, "description", None)]
    checks.equal("half a change is none", (refusal(connection.modify_s, dn, half)[0], values(connection, "title", "(title=*)", dn)),
                 ("NO_SUCH_ATTRIBUTE", ["Dr."]))
    checks.equal("compare", (connection.compare_s(dn, "sn", "LANG"), connection.compare_s(dn, "sn", "Ling")), (True, False))
    under(connection, dn, checks)
    checks.equal("it is renamed and moved", refusal(connection.rename_s, dn, "uid=newer", at.SUFFIX)[0], "none")
    lab = at.group_dn("lab")
    connection.modify_s(lab, [(ldap.MOD_ADD, "member", [moved.encode()])])
    checks.equal("its groups are found at once", values(connection, "memberOf", "(uid=newer)", moved), [lab])
    checks.equal("it is deleted", refusal(connection.delete_s, moved)[0], "none")
    checks.that("also from its group", moved not in values(connection, "member", "(cn=lab)", lab))
    checks.equal("what has entries below stays", refusal(connection.delete_s, at.PEOPLE)[0], "NOT_ALLOWED_ON_NONLEAF")


def under(connection, dn, checks):
    """Changes under an assertion."""
    for search_filter, expected in ("(sn=Lang)", "none"), ("(sn=Ling)", "ASSERTION_FAILED"):
        control = AssertionControl(True, search_filter)
        change = [(ldap.MOD_REPLACE, "title", [b"Prof."])]
        checks.equal(f"a change under the assertion {search_filter}", refusal(connection.modify_ext_s, dn, change, [control])[0],
                     expected)


def reading_entries(connection, checks):
    """Pre-read and post-read: what an entry was before a change, and what it is after."""
    dn, moved = f"uid=read,{at.PEOPLE}", f"uid=reread,{at.PEOPLE}"
    before, after = PreReadControl(True, ["uid", "title", "entryUUID"]), PostReadControl(True, ["uid", "title", "entryUUID"])

    def read(message):
        answered = connection.result3(message)[3]
        return {type(control): (control.dn, control.entry) for control in answered}

    person = [("objectClass", [b"inetOrgPerson"]), ("cn", [b"R"]), ("sn", [b"R"]), ("title", [b"Dr."])]
    added = read(connection.add_ext(dn, person, serverctrls=[after]))[PostReadControl]
    checks.equal("who adds reads what was added", (added[0], added[1]["uid"], len(added[1]["entryUUID"][0])), (dn, [b"read"], 36))
    change = [(ldap.MOD_REPLACE, "title", [b"Prof."])]
    both = read(connection.modify_ext(dn, change, serverctrls=[before, after]))
    checks.equal("who modifies reads what was, and what is", [both[kind][1]["title"] for kind in (PreReadControl, PostReadControl)],
                 [[b"Dr."], [b"Prof."]])
    both = read(connection.rename(dn, "uid=reread", serverctrls=[before, after]))
    checks.equal("who renames reads both names", [both[kind][0] for kind in (PreReadControl, PostReadControl)], [dn, moved])
    last = read(connection.delete_ext(moved, serverctrls=[before]))[PreReadControl]
    checks.equal("who deletes reads what is gone", last, (moved, {**added[1], "uid": [b"reread"], "title": [b"Prof."]}))


def password_policy(clients, checks):
    def told(uid, pin):
        connection = clients.connect()
        try:
            connection.simple_bind(at.dn_of(uid), pin, serverctrls=[PasswordPolicyControl()])
            return connection.result3()[3][0].error
        except ldap.INVALID_CREDENTIALS as refused:
            return refused.args[0]["ctrls"]

    checks.equal("a log-in is told nothing that is wrong", told("mary", at.pin_of("mary")), None)
    checks.equal("whatever is wrong with a refused one", told("mary", "wrong"), told(at.DISABLED, at.pin_of(at.DISABLED)))
