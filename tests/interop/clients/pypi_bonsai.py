"""PyPI's bonsai: libldap behind objects that look like dictionaries, also for asyncio."""
import asyncio, sys

import campus as at, registries

sys.path.insert(0, str(registries.pypi()))
import bonsai
from bonsai.errors import LDAPError

AROUND = "1.2.840.113556.1.4.1941"
BASE, ONE, SUB = bonsai.LDAPSearchScope.BASE, bonsai.LDAPSearchScope.ONE, bonsai.LDAPSearchScope.SUB


class Clients:
    """Connections to one campus."""

    def __init__(self, campus):
        self.campus = campus

    def client(self, dn, pin, url=None, tls=False):
        client = bonsai.LDAPClient(url or self.campus.tls_url, tls)
        client.set_ca_cert(str(self.campus.ca))
        client.set_cert_policy("demand")
        client.set_credentials("SIMPLE", user=dn, password=pin)
        return client

    def open(self, dn, pin, **more):
        return self.client(dn, pin, **more).connect()

    def member(self, uid):
        return self.open(at.dn_of(uid), at.pin_of(uid))

    def service(self):
        return self.open(at.SERVICE_DN, at.SERVICE_PIN)

    def root(self):
        return self.open(at.ROOT_DN, at.ROOT_PIN)


def check(campus, checks):
    clients = Clients(campus)
    log_ins(clients, checks)
    discovery(clients, checks)
    groups(clients.service(), checks)
    searches(clients.service(), checks)
    failures(clients.member("mary"), checks)
    own_entry(clients, checks)
    writes(clients.root(), checks)
    password_policy(clients, checks)
    asyncio.run(overlapping(clients, checks))


def refusal(do, *words, **more):
    """The name of the error's class, and its code."""
    try:
        return "none", do(*words, **more)
    except LDAPError as error:
        return type(error).__name__, error.code


def log_ins(clients, checks):
    for uid in "ada", "rene":
        checks.equal(f"{uid} logs in", clients.member(uid).whoami(), f"dn:{at.dn_of(uid)}")
    for uid, pin, why in [("ada", "wrong", "a wrong PIN"), ("nobody", "wrong", "an unknown name"),
                          (at.DISABLED, at.pin_of(at.DISABLED), "a disabled account")]:
        checks.equal(f"{why} is refused", refusal(clients.open, at.dn_of(uid), pin), ("AuthenticationError", 49))
    plain = clients.open(at.SERVICE_DN, at.SERVICE_PIN, url=clients.campus.url, tls=True)
    checks.equal("StartTLS is verified, and a log-in goes over it", plain.whoami(), f"dn:{at.SERVICE_DN}")
    client = bonsai.LDAPClient(clients.campus.tls_url)
    client.set_credentials("PLAIN", user="mary", password=at.pin_of("mary"))
    client.set_ca_cert(str(clients.campus.ca))
    checks.equal("SASL PLAIN logs in by a bare UID", client.connect().whoami(), f"dn:{at.dn_of('mary')}")
    stranger = bonsai.LDAPClient(clients.campus.tls_url)
    stranger.set_ca_cert("/dev/null")
    checks.equal("a server whose authority is unknown is refused", refusal(stranger.connect)[0], "ConnectionError")


def discovery(clients, checks):
    dse = clients.client(at.SERVICE_DN, at.SERVICE_PIN).get_rootDSE()
    checks.equal("the root DSE names the suffix", dse["namingContexts"], [at.SUFFIX])
    checks.that("and what it offers", {"1.2.840.113556.1.4.319", "1.2.840.113556.1.4.473"} <= set(dse["supportedControl"]), dse)


def values(connection, attribute, search_filter, base=at.GROUPS):
    found = connection.search(base, SUB, search_filter, [attribute])
    return sorted(str(value) for entry in found for value in entry.get(attribute, []))


def groups(connection, checks):
    ada = at.dn_of("ada")
    for kind, value in ("member", ada), ("uniqueMember", ada), ("memberUid", "ada"):
        checks.equal(f"groups by {kind}", values(connection, "cn", f"({kind}={value})"), at.groups_with(kind, value))
    checks.equal("groups in groups", values(connection, "cn", f"(member:{AROUND}:={ada})"), at.groups_around(ada))
    checks.equal("memberOf", values(connection, "memberOf", "(uid=ada)", ada), at.member_of(ada))


def searches(connection, checks):
    names = [str(entry.dn) for entry in connection.paged_search(at.SUFFIX, SUB, "(objectClass=*)", ["*", "+"], page_size=5)]
    checks.equal("pages bring everything once", sorted(names), sorted(dn for dn, _ in at.entries()))
    students = "(employeeType=student)"
    down = connection.search(at.PEOPLE, ONE, students, ["uid"], sort_order=["-uidNumber"])
    checks.equal("sorted is sorted", [entry["uid"][0] for entry in down], at.STUDENTS[::-1])
    pages = connection.paged_search(at.PEOPLE, ONE, students, ["uid"], page_size=5, sort_order=["-uidNumber"])
    checks.equal("so are pages", [entry["uid"][0] for entry in pages], at.STUDENTS[::-1])
    name = bonsai.escape_filter_exp("Żółć")
    checks.equal("a name with letters of its own is found", values(connection, "uid", f"(sn={name})", at.PEOPLE), ["lukasz"])
    entry = connection.search(at.dn_of("ada"), BASE, attrlist=["uidnumber", "MAIL"])[0]
    checks.equal("names of attributes may be written as one likes", (entry["uidNumber"], entry["mail"]),
                 ([at.uid_number("ada")], ["ada@uni.example"]))
    only_names = connection.search(at.dn_of("ada"), BASE, attrlist=["mail"], attrsonly=True)[0]
    checks.equal("names alone can be asked for", only_names["mail"], [])


def failures(connection, checks):
    checks.equal("what is not there is nothing", connection.search(f"ou=nowhere,{at.SUFFIX}", SUB), [])
    checks.equal("a size limit", refusal(connection.search, at.SUFFIX, SUB, sizelimit=3), ("SizeLimitError", 4))
    window = lambda: connection.virtual_list_search(at.PEOPLE, ONE, attrlist=["uid"], sort_order=["uid"], offset=1, after_count=3)
    checks.equal("a critical control that is not there", refusal(window), ("LDAPError", 12))
    checks.equal("a member deletes nobody", refusal(connection.delete, at.dn_of("ada")), ("InsufficientAccess", 50))
    checks.equal("what is not there cannot be deleted", refusal(connection.delete, at.dn_of("no")), ("NoSuchObjectError", 32))


def own_entry(clients, checks):
    connection, own = clients.member("grace"), at.dn_of("grace")
    entry = connection.search(own, BASE)[0]
    entry["telephoneNumber"], entry["jpegPhoto"] = "+49 30 4711", b"\xff\xd8\0"
    checks.equal("a member changes her own number and photograph", refusal(entry.modify), ("none", True))
    again = connection.search(own, BASE, attrlist=["telephoneNumber", "jpegPhoto"])[0]
    checks.equal("and reads them", (again["telephoneNumber"], again["jpegPhoto"]), (["+49 30 4711"], [b"\xff\xd8\0"]))
    entry["title"] = "Queen"
    checks.equal("and not her title", refusal(entry.modify), ("InsufficientAccess", 50))
    wrong = refusal(connection.modify_password, own, "a-newer-pin-5", "wrong")
    checks.that("a wrong present PIN changes nothing", wrong[0] != "none", wrong)
    right = refusal(connection.modify_password, None, "a-newer-pin-5", at.pin_of("grace"))
    checks.equal("the right one changes it", right[0], "none")
    checks.equal("the new one logs in", clients.open(own, "a-newer-pin-5").whoami(), f"dn:{own}")
    checks.equal("the old one no more", refusal(clients.member, "grace"), ("AuthenticationError", 49))
    made_up = clients.root().modify_password(own)
    checks.equal("an administrator has one made up, which logs in", clients.open(own, made_up).whoami(), f"dn:{own}")


def new_entry(dn, **attributes):
    entry = bonsai.LDAPEntry(dn)
    for name, value in attributes.items():
        entry[name] = value
    return entry


def writes(connection, checks):
    entry = new_entry(f"uid=new,{at.PEOPLE}", objectClass="inetOrgPerson", cn="Neu", sn="Ling")
    checks.that("an entry is added", connection.add(entry))
    again = new_entry(entry.dn, objectClass="inetOrgPerson", cn="Neu", sn="Ling")
    checks.equal("and only once", refusal(connection.add, again), ("AlreadyExists", 68))
    entry["title"], entry["sn"] = "Dr.", "Änderung"
    checks.that("two changes are one", entry.modify())
    entry["sn"] = []
    checks.equal("a person without a surname", refusal(entry.modify), ("ObjectClassViolation", 65))
    entry.clear_attribute_changes("sn")
    entry.rename(f"uid=newer,{at.SUFFIX}")
    checks.equal("it is renamed and moved", values(connection, "uid", "(uid=newer)", f"uid=newer,{at.SUFFIX}"), ["newer"])
    lab = connection.search(at.group_dn("lab"), BASE)[0]
    lab["member"].append(f"uid=newer,{at.SUFFIX}")
    checks.that("a group takes it in", lab.modify())
    checks.that("it is deleted", connection.delete(f"uid=newer,{at.SUFFIX}"))
    members = values(connection, "member", "(cn=lab)", at.group_dn("lab"))
    checks.equal("also from its group", members, sorted(map(at.dn_of, at.LAB)))
    checks.equal("what has entries below stays", refusal(connection.delete, at.PEOPLE), ("NotAllowedOnNonleaf", 66))
    branch = f"ou=branch,{at.SUFFIX}"
    for dn in branch, f"ou=leaf,{branch}":
        connection.add(new_entry(dn, objectClass="organizationalUnit"))
    checks.that("a branch is deleted leaf by leaf", connection.delete(branch, recursive=True))


def password_policy(clients, checks):
    client = clients.client(at.dn_of("mary"), at.pin_of("mary"))
    client.set_password_policy(True)
    connection, policy = client.connect()
    checks.equal("a log-in with the password policy control is told nothing that is wrong", policy,
                 {"oid": "1.3.6.1.4.1.42.2.27.8.5.1", "expire": -1, "grace": -1})
    missing = refusal(connection.modify_password, None, "a-newer-pin-5", None)
    checks.that("who does not give the present PIN is told that it is missing", missing[0] == "MustSupplyOldPassword", missing)


async def overlapping(clients, checks):
    client = clients.client(at.SERVICE_DN, at.SERVICE_PIN)
    async with client.connect(is_async=True) as connection:
        checks.equal("asyncio logs in", await connection.whoami(), f"dn:{at.SERVICE_DN}")
        search = asyncio.create_task(connection.search(at.SUFFIX, SUB))
        await asyncio.sleep(0)
        search.cancel()
        checks.equal("after a cancelled search the connection lives", await connection.whoami(), f"dn:{at.SERVICE_DN}")
    pool = bonsai.asyncio.AIOConnectionPool(client, minconn=2, maxconn=5)
    await pool.open()

    async def find(uid):
        async with pool.spawn() as connection:
            return (await connection.search(at.PEOPLE, ONE, f"(uid={uid})", ["uid"]))[0]["uid"][0]

    checks.equal("a pool finds everybody", await asyncio.gather(*map(find, at.UIDS)), at.UIDS)
    await pool.close()
