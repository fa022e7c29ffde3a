"""SSSD: the campus is the users and groups of a machine, logs in by su, and is remembered while beadle is away."""
import concurrent.futures

import campus as at, peers
from own_root import OwnRoot

CONF = f"""
[sssd]
services = nss, pam
domains = campus

[nss]
# Who is there is not remembered for two minutes.
enum_cache_timeout = 1

[domain/campus]
id_provider = ldap
auth_provider = ldap
chpass_provider = ldap
access_provider = ldap
ldap_uri = {{url}}
ldap_tls_reqcert = demand
ldap_tls_cacert = {{ca}}
ldap_id_use_start_tls = true
ldap_search_base = {at.SUFFIX}
ldap_default_bind_dn = {at.SERVICE_DN}
ldap_default_authtok = {at.SERVICE_PIN}
ldap_schema = {{schema}}
ldap_user_gecos = displayName
ldap_page_size = 7
ldap_access_order = filter
ldap_access_filter = (|(employeeType=staff)(uid=s1001))
enumerate = true
ldap_enumeration_refresh_offset = 0
cache_credentials = true
# It looks again at once whether beadle is back.
offline_timeout = 1
offline_timeout_random_offset = 0
"""


def start(root, campus, schema):
    root.write("/etc/sssd/sssd.conf", CONF.format(url=campus.url, ca=campus.ca, schema=schema))
    sssd = root.daemon(["sssd", "--interactive", "--logger=stderr"])
    peers.wait_for(lambda: root.getent("passwd", "ada"), "SSSD")
    return sssd


def check(campus, checks):
    with OwnRoot(campus) as root:
        root.install("sssd-ldap libnss-sss libpam-sss")
        # There is no dictionary to look a new PIN up in.
        root.write("/etc/security/pwquality.conf", "dictcheck = 0\n", "644")
        sssd = start(root, campus, "rfc2307")
        users(root, checks)
        log_ins(root, checks)
        new_pins(root, checks)
        stopping(campus, root, checks)
        root.run(["sh", "-c", "kill $(cat /run/sssd.pid)"])
        sssd.wait(60)
        root.run(["sh", "-c", "rm -f /var/lib/sss/db/* /var/lib/sss/mc/*"])
        start(root, campus, "rfc2307bis")
        checks.equal("groups of names, in groups of names", groups_of(root, "zoe"), {"everybody", "unixlab", "unixfaculty"})


def groups_of(root, uid):
    return set(root.run(["id", "-Gn", uid]).stdout.split())


def users(root, checks):
    ada = f"ada:*:{at.uid_number('ada')}:{at.GID_EVERYBODY}:Ada Lovelace:/home/ada:/bin/sh"
    checks.equal("a user by name", root.getent("passwd", "ada"), [ada])
    checks.equal("a user by number", root.getent("passwd", str(at.uid_number("ada"))), [ada])
    for name in "nobody-at-all", "ad*", "ada)(uid=*":
        checks.equal(f"there is no user {name}", root.getent("passwd", name), [])
    checks.equal("the groups of a user", groups_of(root, "ada"), {"everybody", "unixstaff"})
    members = root.getent("group", "unixstudents")[0].split(":")[3]
    checks.equal("the users of a group", set(members.split(",")), set(at.STUDENTS))
    known = lambda: {line.split(":")[0] for line in root.getent("passwd")}
    checks.eventually("everybody, in pages of seven", lambda: known() >= set(at.UIDS))


def log_ins(root, checks):
    refused = "su: Authentication failure"
    checks.equal("a right PIN logs in", root.su("ada", at.pin_of("ada")), "ada")
    checks.equal("so does one that is not ASCII", root.su("rene", at.pin_of("rene")), "rene")
    checks.equal("a wrong PIN is refused", root.su("ada", "wrong"), refused)
    checks.equal("a disabled account is refused", root.su(at.DISABLED, at.pin_of(at.DISABLED)), refused)
    checks.equal("who may not use this machine is told so", root.su("s1002", at.pin_of("s1002")), "su: Permission denied")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda guess: root.su("locked", f"guess-{guess}"), range(8)))
    checks.equal("after eight wrong PINs the right one is refused", root.su("locked", at.pin_of("locked")), refused)


def new_pins(root, checks):
    as_grace = ["setpriv", "--reuid", str(at.uid_number("grace")), "--clear-groups", "--regid", str(at.GID_EVERYBODY)]
    wrong = root.run([*as_grace, "passwd"], given="wrong\nnew-pin-4711\nnew-pin-4711\n")
    checks.that("passwd asks for the old PIN", "Old password not accepted" in wrong.stderr + wrong.stdout, wrong)
    right = root.run([*as_grace, "passwd"], given=f"{at.pin_of('grace')}\nnew-pin-4711\nnew-pin-4711\n")
    checks.that("passwd changes one's own PIN", right.returncode == 0, right)
    checks.equal("the new one logs in", root.su("grace", "new-pin-4711"), "grace")


def stopping(campus, root, checks):
    campus.stop()
    checks.equal("without beadle, whom SSSD remembers logs in", root.su("ada", at.pin_of("ada")), "ada")
    checks.equal("by the right PIN only", root.su("ada", "wrong"), "su: Authentication failure")
    campus.start_again()
    checks.eventually("when beadle is back, others log in too", lambda: root.su("zoe", at.pin_of("zoe")) == "zoe")
