"""OpenLDAP's own tools, over TLS that they verify."""
import os, subprocess

import campus as at


def check(campus, checks):
    def tool(name, *words, dn=None, pin=None, url=campus.tls_url, given=""):
        who = ["-D", dn, "-w", pin] if dn else []
        return subprocess.run([name, "-x", "-H", url, *who, *words], input=given, text=True, capture_output=True,
                              env={**os.environ, "LDAPTLS_CACERT": str(campus.ca)})

    ada = {"dn": at.dn_of("ada"), "pin": at.pin_of("ada")}
    app = {"dn": at.SERVICE_DN, "pin": at.SERVICE_PIN}
    checks.equal("a right PIN logs in", tool("ldapwhoami", **ada).stdout, f"dn:{ada['dn']}\n")
    rene = {"dn": at.dn_of("rene"), "pin": at.pin_of("rene")}
    checks.equal("a PIN that is not ASCII logs in", tool("ldapwhoami", **rene).stdout, f"dn:{rene['dn']}\n")
    wrong = tool("ldapwhoami", **{**ada, "pin": "wrong"})
    checks.equal("a wrong PIN is refused", wrong.stderr, "ldap_bind: Invalid credentials (49)\n")
    checks.equal("StartTLS is there too", tool("ldapwhoami", "-ZZ", url=f"ldap://127.0.0.1:{campus.beadle.port}", **ada).stdout,
                 f"dn:{ada['dn']}\n")

    base = "-LLL", "-o", "ldif-wrap=no", "-b", at.PEOPLE
    paged = tool("ldapsearch", *base, "-E", "pr=7/noprompt", "(uid=*)", "uid", **app)
    found = sorted(line.split(": ")[1] for line in paged.stdout.splitlines() if line.startswith("uid: "))
    checks.equal("pages of seven bring everybody once", found, sorted(at.UIDS))
    ordered = tool("ldapsearch", *base, "-E", "!sss=-uidNumber", "(uid=s*)", "uidNumber", **app)
    numbers = [int(line.split(": ")[1]) for line in ordered.stdout.splitlines() if line.startswith("uidNumber: ")]
    checks.that("sorted is sorted", numbers and numbers == sorted(numbers, reverse=True), numbers)

    number = f"dn: {ada['dn']}\nchangetype: modify\nreplace: telephoneNumber\ntelephoneNumber: 4711\n"
    checks.equal("a member changes her own number", tool("ldapmodify", given=number, **ada).returncode, 0)
    title = f"dn: {ada['dn']}\nchangetype: modify\nreplace: title\ntitle: Queen\n"
    checks.equal("and not her title", tool("ldapmodify", given=title, **ada).returncode, 50)
