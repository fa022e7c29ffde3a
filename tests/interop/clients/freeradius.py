"""FreeRADIUS with rlm_ldap: people are found with the service account and bind with their own PIN; groups decide."""
import re, subprocess

import campus as at, peers

# In place of names in braces, which FreeRADIUS has for itself: words in capitals.
MODULES = """
always handled {
    rcode = handled
}
always reject {
    rcode = reject
}
ldap {
    server = "URL"
    identity = "SERVICE_DN"
    password = "SERVICE_PIN"
    base_dn = "SUFFIX"
    update {
        reply:Filter-Id := 'employeeType'
        reply:Reply-Message := 'displayName'
    }
    user {
        base_dn = "PEOPLE"
        filter = "(uid=%{%{Stripped-User-Name}:-%{User-Name}})"
    }
    group {
        base_dn = "GROUPS"
        filter = "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))"
        name_attribute = cn
        MEMBERSHIP
    }
    options {
        chase_referrals = yes
        rebind = yes
        net_timeout = 3
    }
    tls {
        ca_file = "CA"
        start_tls = yes
        require_cert = "demand"
    }
    pool {
        start = 2
        min = 1
        max = 8
        retry_delay = 1
    }
}
"""
# Nobody hears of a wrong PIN while beadle is away or busy: without an answer a NAS asks again, or asks another server.
SILENCE = """
    if (fail) {
        update control {
            &Response-Packet-Type := Do-Not-Respond
        }
        handled
    }"""
SECTIONS = f"""
authorize {{
    ldap {{
        fail = 1
    }}{SILENCE}
    if (notfound) {{
        reject
    }}
    update control {{
        &Auth-Type := LDAP
    }}
}}
authenticate {{
    Auth-Type LDAP {{
        ldap {{
            fail = 1
        }}{SILENCE}
    }}
}}
post-auth {{
FOR_EACH_GROUP
}}
"""
BY_FILTER = """(|(member:1.2.840.113556.1.4.1941:=%{control:Ldap-UserDn})\\
            (uniqueMember=%{control:Ldap-UserDn})(memberUid=%{User-Name}))"""
ASKED = "staff", "faculty", "campus", "library", "unixstaff", "unixstudents"
NO_ANSWER = "No reply from server"


def server(campus, name, membership):
    """FreeRADIUS that answers with a Class for each of the groups that somebody is in."""
    words = {"URL": campus.url, "SERVICE_DN": at.SERVICE_DN, "SERVICE_PIN": at.SERVICE_PIN, "SUFFIX": at.SUFFIX,
             "PEOPLE": at.PEOPLE, "GROUPS": at.GROUPS, "CA": str(campus.ca)}
    modules = MODULES.replace("MEMBERSHIP", membership)
    for word, value in words.items():
        modules = modules.replace(f'"{word}"', f'"{value}"')
    asked = "".join(f"""
    if (&LDAP-Group == "{group}") {{
        update reply {{
            &Class += "{group}"
        }}
    }}""" for group in ASKED)
    return peers.FreeRadius(campus.folder / name, modules=modules, sections=SECTIONS.replace("FOR_EACH_GROUP", asked))


def said(radius, uid, pin=None):
    given = f'User-Name = "{uid}", User-Password = "{pin or at.pin_of(uid)}", Message-Authenticator = 0x00\n'
    ran = subprocess.run(["radclient", "-x", "-r", "1", "-t", "4", f"127.0.0.1:{radius.port}", "auth", peers.SECRET],
                         input=given, text=True, capture_output=True)
    return ran.stdout + ran.stderr


def answer(radius, uid, pin=None):
    kind = re.search("Received (Access-[a-zA-Z]+)", text := said(radius, uid, pin))
    return kind[1] if kind else text


def groups(radius, uid):
    found = re.findall("Class = 0x([0-9a-f]+)", said(radius, uid))
    return [bytes.fromhex(group).decode() for group in found]


def check(campus, checks):
    with server(campus, "freeradius", f"membership_filter = '{BY_FILTER}'") as radius:
        accepts, rejects = "Access-Accept", "Access-Reject"
        for uid, pin, expected, who in [
                ("ada", None, accepts, "a right PIN"), ("rene", None, accepts, "a PIN that is not ASCII"),
                ("ada", "wrong", rejects, "a wrong PIN"), ("nobody", "wrong", rejects, "an unknown name"),
                (at.DISABLED, None, rejects, "a disabled account"), ("ad*", at.pin_of("ada"), rejects, "a wildcard"),
                ("ada)(uid=*", at.pin_of("ada"), rejects, "a filter for a name")]:
            checks.equal(f"{who}: {expected}", answer(radius, uid, pin), expected)
        checks.that("attributes come with the answer", 'Reply-Message = "Łukasz Żółć"' in said(radius, "lukasz"))
        checks.equal("groups of names, of unique names, of numbers and groups in groups are asked for", groups(radius, "ada"),
                     ["staff", "faculty", "campus", "library", "unixstaff"])
        checks.equal("who is in fewer groups is in fewer", groups(radius, "s1001"), ["campus", "library", "unixstudents"])
        checks.equal("who is in none is in none", groups(radius, "mary"), [])
        stopping(campus, radius, checks)
    with server(campus, "by-attribute", "membership_attribute = 'memberOf'") as radius:
        checks.equal("memberOf tells groups without a further search", groups(radius, "grace"), ["staff"])


def stopping(campus, radius, checks):
    for guess in range(8):
        answer(radius, "locked", f"guess-{guess}")
    checks.equal("after eight wrong PINs the right one is rejected", answer(radius, "locked"), "Access-Reject")
    campus.stop()
    without = answer(radius, "ada")
    checks.that("without beadle nobody is told that the PIN is wrong", NO_ANSWER in without, without)
    campus.start_again()
    checks.eventually("when beadle is back, so is the network", lambda: answer(radius, "ada") == "Access-Accept")
