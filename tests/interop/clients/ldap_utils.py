"""OpenLDAP's own tools, over TLS that they verify, and on the Unix socket."""
import os, subprocess

import campus as at

SUCCESS, SIZE_LIMIT, COMPARE_FALSE, COMPARE_TRUE, STRONG_AUTH, UNAVAILABLE, NO_SUCH_OBJECT = 0, 4, 5, 6, 8, 12, 32
INVALID_CREDENTIALS, INSUFFICIENT_ACCESS, UNWILLING, NOT_ON_NONLEAF, EXISTS, ASSERTION_FAILED = 49, 50, 53, 66, 68, 122
LDIF = "-LLL", "-o", "ldif-wrap=no"


class Tools:
    """The tools as one person of one campus."""

    def __init__(self, campus, dn=None, pin=None, url=None, words=("-x",)):
        self.who = [*words, "-H", url or campus.tls_url, *(["-D", dn, "-w", pin] if dn else [])]
        self.environment = {**os.environ, "LDAPTLS_CACERT": str(campus.ca), "LDAPCONF": "/dev/null"}

    def run(self, name, *words, given=""):
        return subprocess.run([name, *self.who, *words], input=given, text=True, capture_output=True, env=self.environment)

    def code(self, name, *words, given=""):
        return self.run(name, *words, given=given).returncode

    def values(self, attribute, *words):
        """The values of one attribute in what ldapsearch prints, in its order."""
        found = self.run("ldapsearch", *LDIF, *words, attribute).stdout.splitlines()
        return [line.split(": ", 1)[1] for line in found if line.lower().startswith(f"{attribute.lower()}: ")]


def member(campus, uid, pin=None, **more):
    return Tools(campus, at.dn_of(uid), pin or at.pin_of(uid), **more)


def check(campus, checks):
    service = Tools(campus, at.SERVICE_DN, at.SERVICE_PIN)
    log_ins(campus, checks)
    searches(service, checks)
    failures(campus, checks)
    own_entry(campus, checks)
    registry(member(campus, "registrar"), checks)
    groups_of_service(service, checks)
    root = Tools(campus, at.ROOT_DN, at.ROOT_PIN)
    administrator(root, checks)
    reading_entries(root, checks)
    password_policy(campus, checks)
    on_this_machine(Tools(campus, url=campus.ldapi_url, words=("-Q", "-Y", "EXTERNAL")), checks)


def log_ins(campus, checks):
    for uid in "ada", "rene":
        checks.equal(f"{uid} logs in", member(campus, uid).run("ldapwhoami").stdout, f"dn:{at.dn_of(uid)}\n")
    wrong = member(campus, "ada", "wrong").run("ldapwhoami")
    checks.equal("a wrong PIN is refused", wrong.stderr, "ldap_bind: Invalid credentials (49)\n")
    start_tls = member(campus, "ada", url=campus.url, words=("-x", "-ZZ"))
    checks.equal("StartTLS is there too", start_tls.run("ldapwhoami").stdout, f"dn:{at.dn_of('ada')}\n")
    strict = Tools(campus)
    strict.environment["LDAPTLS_CACERT"] = "/dev/null"
    checks.equal("a server whose authority is unknown is refused", strict.code("ldapwhoami"), 255)


def searches(service, checks):
    people = "-b", at.PEOPLE
    for size in 7, 1000:
        found = service.values("uid", *people, "-E", f"pr={size}/noprompt", "(uid=*)")
        checks.equal(f"pages of {size} bring everybody once", sorted(found), sorted(at.UIDS))
    students = "(employeeType=student)"
    down = service.values("uid", *people, "-E", "!sss=-uidNumber", students)
    checks.equal("sorted is sorted", down, at.STUDENTS[::-1])
    down = service.values("uid", *people, "-E", "!sss=-uidNumber", "-E", "pr=4/noprompt", students)
    checks.equal("so are pages", down, at.STUDENTS[::-1])
    ada = at.dn_of("ada")
    around = service.values("cn", "-b", at.GROUPS, f"(member:1.2.840.113556.1.4.1941:={ada})")
    checks.equal("groups in groups", sorted(around), at.groups_around(ada))
    checks.equal("memberOf", sorted(service.values("memberOf", "-b", ada, "-s", "base")), at.member_of(ada))
    for filter_, expected in [("(ou:dn:=people)", len(at.UIDS)), ("(uid:caseExactMatch:=ADA)", 0), ("(&)", len(at.UIDS)),
                              ("(sn:caseExactMatch:=Lovelace)", 1), ("(|)", 0), ("(uid=\\61da)", 1), ("(!(mail=*))", 1)]:
        found = service.values("uid", *people, "-s", "one", filter_)
        checks.equal(f"the filter {filter_} finds {expected}", len(found), expected)
    names = service.run("ldapsearch", *LDIF, "-A", "-b", ada, "mail", "sn").stdout.split()
    checks.equal("names alone can be asked for", sorted(names), sorted(["dn:", ada, "mail:", "sn:"]))
    of_class = service.values("mail", "-b", ada, "@inetOrgPerson")
    checks.equal("attributes can be asked for by class", of_class, ["ada@uni.example"])
    dse = service.values("supportedControl", "-b", "", "-s", "base")
    checks.that("the root DSE tells the controls", {"1.2.840.113556.1.4.319", "1.2.840.113556.1.4.473"} <= set(dse), dse)


def failures(campus, checks):
    mary, stranger = member(campus, "mary"), Tools(campus)
    search = lambda *words, tools=mary: tools.code("ldapsearch", *words)
    checks.equal("what is not there", search("-b", f"ou=nowhere,{at.SUFFIX}"), NO_SUCH_OBJECT)
    checks.equal("outside of the suffix no referral", search("-b", "dc=elsewhere"), NO_SUCH_OBJECT)
    checks.equal("a size limit", search("-b", at.SUFFIX, "-z", "3"), SIZE_LIMIT)
    for control in "!noop", "!relax", "!authzid=dn:":
        checks.equal(f"the critical control {control}, which is not there", search("-b", at.SUFFIX, "-e", control), UNAVAILABLE)
    for control in "!sync=ro", "!vlv=1/1/1/0", "!deref=member:cn":
        checks.that(f"the control {control}, which is not there", search("-b", at.SUFFIX, "-E", control) != SUCCESS)
    checks.equal("ManageDsaIT changes nothing", search("-b", at.dn_of("ada"), "-MM"), SUCCESS)
    for filter_, expected in ("(sn=Lovelace)", SUCCESS), ("(sn=Hopper)", ASSERTION_FAILED):
        checks.equal(f"a search under the assertion {filter_}", search("-b", at.dn_of("ada"), "-s", "base", "-e", f"!assert={filter_}"),
                     expected)
    ada = at.dn_of("ada")
    checks.equal("compare is true", mary.code("ldapcompare", ada, "sn:lovelace"), COMPARE_TRUE)
    checks.equal("or false", mary.code("ldapcompare", ada, "sn:hopper"), COMPARE_FALSE)
    checks.equal("a stranger deletes nobody", stranger.code("ldapdelete", ada), STRONG_AUTH)
    checks.equal("a member deletes nobody", mary.code("ldapdelete", ada), INSUFFICIENT_ACCESS)
    unknown = mary.run("ldapexop", "1.2.3.4.5").stderr
    checks.that("an unknown extension", "Protocol error (2)" in unknown, unknown)
    checks.equal("a known one", mary.run("ldapexop", "whoami").stdout, f"dn:{at.dn_of('mary')}\n")


def change(dn, *lines):
    return "\n".join([f"dn: {dn}", "changetype: modify", *lines, ""])


def own_entry(campus, checks):
    grace, own = member(campus, "grace"), at.dn_of("grace")
    number = change(own, "replace: telephoneNumber", "telephoneNumber: 4711")
    checks.equal("a member changes her own number", grace.code("ldapmodify", given=number), SUCCESS)
    title = grace.run("ldapmodify", given=change(own, "replace: title", "title: Queen"))
    checks.equal("and not her title", (title.returncode, title.stderr), (INSUFFICIENT_ACCESS,
                 "ldap_modify: Insufficient access (50)\n\tadditional info: title: you may not write it\n"))
    checks.that("a wrong present PIN changes nothing", grace.code("ldappasswd", "-a", "wrong", "-s", "a-newer-pin-5") != SUCCESS)
    checks.equal("the right one changes it", grace.code("ldappasswd", "-a", at.pin_of("grace"), "-s", "a-newer-pin-5"), SUCCESS)
    checks.equal("the new one logs in", member(campus, "grace", "a-newer-pin-5").code("ldapwhoami"), SUCCESS)
    checks.equal("the old one no more", grace.code("ldapwhoami"), INVALID_CREDENTIALS)
    replace = change(own, "replace: userPassword", "userPassword: a-newest-pin-6")
    swap = change(own, "delete: userPassword", "userPassword: a-newer-pin-5", "-", "add: userPassword", "userPassword: a-newest-pin-6")
    grace = member(campus, "grace", "a-newer-pin-5")
    checks.equal("ldapmodify does not replace it unseen", grace.code("ldapmodify", given=replace), UNWILLING)
    checks.equal("and takes the old one out and the new one in", grace.code("ldapmodify", given=swap), SUCCESS)
    made_up = Tools(campus, at.ROOT_DN, at.ROOT_PIN).run("ldappasswd", own).stdout.strip()
    pin = made_up.removeprefix("New password: ")
    checks.equal("an administrator has one made up, which logs in", member(campus, "grace", pin).code("ldapwhoami"), SUCCESS)


def person(uid):
    return f"dn: {at.dn_of(uid)}\nobjectClass: inetOrgPerson\ncn: {uid}\nsn: Neu\n\n"


def registry(registrar, checks):
    """Whoever may add and delete people and write their titles, and nothing else."""
    checks.equal("a group's member adds people", registrar.code("ldapadd", given=person("new1") + person("new2")), SUCCESS)
    checks.equal("but once", registrar.code("ldapadd", given=person("new1")), EXISTS)
    both = registrar.run("ldapadd", "-c", given=person("new1") + person("new3"))
    checks.equal("with -c the next is added still", (both.returncode, registrar.code("ldapcompare", at.dn_of("new3"), "sn:Neu")),
                 (EXISTS, COMPARE_TRUE))
    title = change(at.dn_of("new1"), "add: title", "title: Dr.")
    checks.equal("writes their titles", registrar.code("ldapmodify", given=title), SUCCESS)
    mail = change(at.dn_of("new1"), "add: mail", "mail: x@uni.example")
    checks.equal("and not their mail", registrar.code("ldapmodify", given=mail), INSUFFICIENT_ACCESS)
    checks.equal("deletes them", registrar.code("ldapdelete", *map(at.dn_of, ["new1", "new2", "new3"])), SUCCESS)
    checks.equal("and no groups", registrar.code("ldapdelete", at.group_dn("lab")), INSUFFICIENT_ACCESS)


def groups_of_service(service, checks):
    dn = at.group_dn("choir")
    choir = f"dn: {dn}\nobjectClass: groupOfNames\ncn: choir\nmember: {at.dn_of('ada')}\n"
    checks.equal("a service adds a group", service.code("ldapadd", given=choir), SUCCESS)
    join = change(dn, "add: member", f"member: {at.dn_of('zoe')}", "-", "replace: description", "description: Sings")
    checks.equal("and a member to it", service.code("ldapmodify", given=join), SUCCESS)
    checks.that("who is in it at once", dn in service.values("memberOf", "-b", at.dn_of("zoe")))
    last = change(dn, "delete: member")
    checks.equal("a group of names has a member", service.code("ldapmodify", given=last), 65)
    checks.equal("people are not the service's to delete", service.code("ldapdelete", at.dn_of("zoe")), INSUFFICIENT_ACCESS)
    checks.equal("the group is", service.code("ldapdelete", dn), SUCCESS)


def administrator(root, checks):
    checks.equal("what has entries below stays", root.code("ldapdelete", at.PEOPLE), NOT_ON_NONLEAF)
    units = "".join(f"dn: {dn}\nobjectClass: organizationalUnit\n\n" for dn in (f"ou=a,{at.SUFFIX}", f"ou=b,ou=a,{at.SUFFIX}"))
    root.code("ldapadd", given=units + person("new4"))
    moved = f"uid=new5,ou=b,ou=a,{at.SUFFIX}"
    move = "ldapmodrdn", "-r", "-s", f"ou=b,ou=a,{at.SUFFIX}"
    checks.equal("an entry is renamed and moved", root.code(*move, at.dn_of("new4"), "uid=new5"), SUCCESS)
    checks.equal("its uid is the new name", root.values("uid", "-b", moved), ["new5"])
    checks.equal("a branch is moved whole", root.code("ldapmodrdn", "-r", f"ou=a,{at.SUFFIX}", "ou=c"), SUCCESS)
    checks.equal("with what is in it", root.code("ldapcompare", f"uid=new5,ou=b,ou=c,{at.SUFFIX}", "uid:new5"), COMPARE_TRUE)
    checks.equal("and not below itself", root.code("ldapmodrdn", "-s", f"ou=b,ou=c,{at.SUFFIX}", f"ou=c,{at.SUFFIX}", "ou=c"), UNWILLING)
    checks.equal("a branch is deleted leaf by leaf", root.code("ldapdelete", "-r", f"ou=c,{at.SUFFIX}"), SUCCESS)
    number = lambda: int(root.values("uidNumber", "-b", at.dn_of("olga"))[0])
    before = number()
    increment = change(at.dn_of("olga"), "increment: uidNumber", "uidNumber: 1000")
    checks.equal("a number is incremented", (root.code("ldapmodify", given=increment), number()), (SUCCESS, before + 1000))


def reading_entries(root, checks):
    controls = "-e", "!preread=title,mail", "-e", "!postread=title,mail"
    said = root.run("ldapmodify", *controls, given=change(at.dn_of("olga"), "add: title", "title: Dr.")).stdout.splitlines()
    about = ["dn: " + at.dn_of("olga"), "mail: olga@uni.example"]
    checks.equal("an entry is read before and after its change", [line for line in said if line in [*about, "title: Dr."]],
                 [*about, *about, "title: Dr."])
    gone = root.run("ldapdelete", "-e", "!preread=mail", at.dn_of("olga")).stdout
    checks.that("and before its end", "mail: olga@uni.example" in gone, gone)


def password_policy(campus, checks):
    right = member(campus, "zoe").run("ldapwhoami", "-e", "ppolicy")
    checks.equal("a log-in with the password policy control", (right.returncode, right.stdout, right.stderr),
                 (SUCCESS, f"dn:{at.dn_of('zoe')}\n", ""))
    wrong = [Tools(campus, at.dn_of(uid), "wrong").run("ldapwhoami", "-e", "ppolicy").stderr for uid in ("zoe", at.DISABLED, "nobody")]
    checks.equal("and a refused one is told nothing by it", wrong, ["ldap_bind: Invalid credentials (49)\n"] * 3)
    other = member(campus, "zoe").run("ldappasswd", "-e", "ppolicy", "-s", "a-newer-pin-5", at.dn_of("ada"))
    checks.that("whose PIN it is not is told so", "Policy prevents password modification" in other.stdout, other.stdout)


def on_this_machine(local, checks):
    """An administrator of the machine itself, by SASL EXTERNAL."""
    old, new = at.dn_of("s1001"), at.dn_of("s2001")
    groups = at.member_of(old)
    checks.equal("an administrator of the machine renames", local.code("ldapmodrdn", "-r", old, "uid=s2001"), SUCCESS)
    checks.equal("and groups follow", sorted(local.values("memberOf", "-b", new, "-s", "base")), groups)
    checks.equal("the new name is compared", local.code("ldapcompare", new, "uid:s2001"), COMPARE_TRUE)
    checks.equal("the old one is nobody's", local.code("ldapcompare", old, "uid:s1001"), NO_SUCH_OBJECT)
