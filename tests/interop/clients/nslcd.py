"""nslcd with libnss-ldapd and libpam-ldapd: the campus is the users and groups of a machine, and logs in by su."""
import concurrent.futures

import campus as at, peers
from own_root import OwnRoot

ANSWERS = "libnss-ldapd libnss-ldapd/nsswitch multiselect passwd, group, shadow\n"
CONF = f"""
uid nslcd
gid nslcd
uri {{url}}
tls_reqcert demand
tls_cacertfile {{ca}}
base {at.SUFFIX}
base passwd {at.PEOPLE}
base shadow {at.PEOPLE}
base group {at.GROUPS}
binddn {at.SERVICE_DN}
bindpw {at.SERVICE_PIN}
map passwd gecos displayName
pagesize 7
nss_nested_groups yes
# Who may log in at this machine.
pam_authz_search (&(uid=$username)(|(employeeType=staff)(uid=s1001)))
rootpwmoddn {at.dn_of("registrar")}
reconnect_retrytime 1
"""


def check(campus, checks):
    with OwnRoot(campus) as root:
        root.install("nslcd libnss-ldapd libpam-ldapd", ANSWERS)
        root.write("/etc/nslcd.conf", CONF.format(url=campus.tls_url, ca=campus.ca))
        root.daemon(["nslcd", "-n"])
        peers.wait_for(lambda: root.run(["test", "-S", "/run/nslcd/socket"]).returncode == 0, "nslcd")
        users(root, checks)
        groups(root, checks)
        log_ins(root, checks)
        new_pins(root, checks)
        stopping(campus, root, checks)


def users(root, checks):
    ada = f"ada:x:{at.uid_number('ada')}:{at.GID_EVERYBODY}:Ada Lovelace:/home/ada:/bin/sh"
    checks.equal("a user by name", root.getent("passwd", "ada"), [ada])
    checks.equal("a user by number", root.getent("passwd", str(at.uid_number("ada"))), [ada])
    everybody = [line.split(":")[0] for line in root.getent("passwd") if int(line.split(":")[2]) in range(10001, 11000)]
    checks.equal("everybody, in pages of seven", everybody, at.UIDS)
    for name in "nobody-at-all", "ad*", "ada)(uid=*":
        checks.equal(f"there is no user {name}", root.getent("passwd", name), [])
    checks.that("no hash is shown, not even to root", root.getent("shadow", "ada")[0].startswith("ada:*:"))


def groups(root, checks):
    members = lambda group: set(root.getent("group", group)[0].split(":")[3].split(","))
    checks.equal("a group that lists uids", members("unixstudents"), set(at.STUDENTS))
    checks.equal("a group that lists names", members("unixlab"), set(at.LAB))
    checks.equal("a group in a group", members("unixfaculty"), {"ada", *at.LAB})
    groups_of = lambda uid: set(root.run(["id", "-Gn", uid]).stdout.split())
    checks.equal("the groups of a user", groups_of("ada"), {"everybody", "unixstaff", "unixfaculty"})
    checks.equal("the groups of a user through groups", groups_of("zoe"), {"everybody", "unixlab", "unixfaculty"})


def log_ins(root, checks):
    refused = "su: Authentication failure"
    checks.equal("a right PIN logs in", root.su("ada", at.pin_of("ada")), "ada")
    checks.equal("so does one that is not ASCII", root.su("rene", at.pin_of("rene")), "rene")
    checks.equal("a wrong PIN is refused", root.su("ada", "wrong"), refused)
    checks.equal("a disabled account is refused", root.su(at.DISABLED, at.pin_of(at.DISABLED)), refused)
    checks.equal("who may not use this machine is told so", root.su("s1002", at.pin_of("s1002")),
                 "LDAP authorisation check failed\nsu: Permission denied")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda guess: root.su("locked", f"guess-{guess}"), range(8)))
    checks.equal("after eight wrong PINs the right one is refused", root.su("locked", at.pin_of("locked")), refused)


def new_pins(root, checks):
    as_grace = ["setpriv", "--reuid", str(at.uid_number("grace")), "--clear-groups", "--regid", str(at.GID_EVERYBODY)]
    wrong = root.run([*as_grace, "passwd"], given="wrong\nnew-pin-4711\nnew-pin-4711\n")
    checks.that("passwd asks for the old PIN", wrong.returncode != 0, wrong.stdout)
    right = root.run([*as_grace, "passwd"], given=f"{at.pin_of('grace')}\nnew-pin-4711\nnew-pin-4711\n")
    checks.equal("passwd changes one's own PIN", right.returncode, 0)
    checks.equal("the new one logs in", root.su("grace", "new-pin-4711"), "grace")
    checks.equal("and the old one no more", root.su("grace", at.pin_of("grace")), "su: Authentication failure")
    reset = root.run(["passwd", "alan"], given=f"{at.pin_of('registrar')}\nnew-pin-4712\nnew-pin-4712\n")
    checks.equal("the registry sets somebody's PIN", reset.returncode, 0)
    checks.equal("it logs in", root.su("alan", "new-pin-4712"), "alan")


def stopping(campus, root, checks):
    campus.stop()
    checks.equal("without beadle this machine's own users are there", len(root.getent("passwd", "root")), 1)
    unknown = root.su("ada", at.pin_of("ada"))
    checks.that("and nobody is told that the PIN is wrong", "Authentication failure" not in unknown, unknown)
    campus.start_again()
    checks.eventually("when beadle is back, so are the users", lambda: root.su("ada", at.pin_of("ada")) == "ada")
