#!/usr/bin/env python3
"""The same LDIF into slapd and beadle, then generated filters: both must find the same entries.

filters.py BEADLE [COUNT [SEED]]      exits 1 and shows the differing filters if any differ
"""
import base64, random, re, subprocess, sys, tempfile

import peers

GIVEN = "Ka Wing|Siu Mei|Chi Hoi|Ada|Émile|Zoë|Maria  José|李|O'Neil|Max, Jr.|a*b|(x)|back\\slash".split("|")
# The same names in other code points, which RFC 4518 section 2.3 makes one: decomposed accents, full-width letters, a
# ligature, a compatibility ideograph (the first one, U+F900, is left alone by slapd); and Greek.
GIVEN += "Zoe\u0308|\uff21\uff44\uff41|\ufb01ona|小\uf98c|Αλέξης".split("|")
SURNAMES = "Chan|Wong|Müller|Ng|Ho|van der  Berg|Straße|陳|Smith|Garcia|Mu\u0308ller|\uff23han|\uf9d3|Ωνάση".split("|")


def line(attribute, value):
    raw = value.encode()
    safe = raw.isascii() and value[:1] not in (" ", ":", "<", "") and not value.endswith(" ")
    return f"{attribute}: {value}\n" if safe else f"{attribute}:: {base64.b64encode(raw).decode()}\n"


def person(chance, i, number):
    given, surname = chance.choice(GIVEN), chance.choice(SURNAMES)
    uid = f"u{i:04d}"
    out = f"dn: uid={uid},ou=people,{peers.SUFFIX}\nobjectClass: inetOrgPerson\n"
    posix = chance.random() < 0.4
    out += "objectClass: posixAccount\n" * posix
    out += line("uid", uid) + line("cn", f"{given} {surname}") + line("sn", surname) + line("givenName", given)
    if chance.random() < 0.5:
        out += line("cn", f"{surname.upper()} {given}")
    if chance.random() < 0.3:
        out += line("description;lang-en", f"teaches {chance.randrange(9)}")
    if chance.random() < 0.3:
        out += line("description", chance.choice(["  padded  words ", "Ünïcode", "10", "9"]))
    if chance.random() < 0.7:
        out += line("mail", f"{uid}@{chance.choice(['uni', 'cs.Uni'])}.example")
    if chance.random() < 0.7:
        out += line("telephoneNumber", f"+852 39{chance.choice(['', ' ', '-'])}17 {chance.randrange(60):04d}")
    out += line("employeeNumber", str(number)) + line("ou", chance.choice(["Law", "LAW", "Arts "]))
    if chance.random() < 0.2:
        out += f"seeAlso: uid=u{chance.randrange(200):04d} , OU=People,{peers.SUFFIX}\n"
    if chance.random() < 0.2:
        out += f"jpegPhoto:: {base64.b64encode(bytes(chance.randrange(256) for _ in range(5))).decode()}\n"
    if chance.random() < 0.4:
        out += line("postalAddress", chance.choice(["Room 7$Main  Building$Hong Kong", "room 7$Main Building$HK"]))
    if chance.random() < 0.4:
        out += line("labeledURI", chance.choice(["https://uni.example/~A", "https://uni.example/~a Home"]))
    if chance.random() < 0.4:
        out += line("x121Address", chance.choice(["12 34", "1234", "567"])) + line("destinationIndicator", "Hong Kong")
    if posix:
        out += (f"uidNumber: {1000 + i}\ngidNumber: {chance.choice([-5, 7, 100])}\n"
                f"homeDirectory: /home/{chance.choice(['u', 'U'])}\nloginShell: /bin/sh\n")
    return out + "\n"


def university(chance, path):
    with open(path, "w") as out:
        out.write(f"dn: {peers.SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: University\ndc: uni\n\n")
        for unit in "people", "groups", "Odd, \\2b unit":
            out.write(f"dn: ou={unit.replace(',', chr(92) + ',')},{peers.SUFFIX}\n"
                      f"objectClass: organizationalUnit\nou: {unit.replace(chr(92) + '2b', '+')}\n\n")
        # Each has a number of their own: beadle refuses an employeeNumber that is somebody else's.
        out.writelines(person(chance, i, n) for i, n in enumerate(chance.sample(range(3000), 200)))
        for name in "law", "arts":
            members = sorted(chance.sample(range(200), 20))
            out.write(f"dn: cn={name},ou=groups,{peers.SUFFIX}\nobjectClass: groupOfNames\ncn: {name}\n")
            out.writelines(f"member: uid=u{i:04d},ou=people,{peers.SUFFIX}\n" for i in members)
            out.write("\n")
        out.write(f"dn: cn=unique,ou=groups,{peers.SUFFIX}\nobjectClass: groupOfUniqueNames\ncn: unique\n"
                  f"uniqueMember: uid=u0007,ou=people,{peers.SUFFIX}\nuniqueMember: uid=u0008,ou=people,{peers.SUFFIX}#'01'B\n\n")


def escaped(value):
    return "".join(c if c.isalnum() or c in " .@+-'" else "".join(f"\\{b:02x}" for b in c.encode()) for c in value)


# Not asked: `~=`, which slapd answers by sound and beadle as equality (RFC 4511 section 4.5.1.7.6 allows both);
# options other than language tags, which slapd does not know; operational attributes whose values say when and how
# each server was loaded; spaces beside the `$` of an address, where a line begins or ends (RFC 4517 section 4.2.9) but
# slapd keeps them; `ss` for `ß`, a final sigma for another and what else RFC 3454 table B.2 folds, as RFC 4518 section
# 2.2 asks: slapd lowers one letter to one; a class above an entry's structuralObjectClass, which slapd takes for that
# class and objectIdentifierMatch (RFC 4517 section 4.2.26) does not.
VALUES = {
    "uid": ["u0001", "U0017", " u0042 ", "u9999"], "cn": [f"{g} {s}" for g in GIVEN[:5] for s in SURNAMES[:3]],
    "sn": SURNAMES + ["CHAN", "STRAßE", "MÜLLER", "MU\u0308LLER", "\uff23\uff48\uff41\uff4e", "\u9678", "ΩΝΆΣΗ"],
    "surname": ["chan"], "givenName": GIVEN + ["FIONA", "小\u6b77", "Zoe", "ΑΛΈΞΗς"],
    "mail": ["u0003@UNI.example", "u0004@cs.uni.example"], "employeeNumber": ["7", "1500", "0007"],
    "telephoneNumber": ["+852 3917 0007", "+8523917-0011", "+852"], "ou": ["law", "Arts", " arts  ", "people"],
    "objectClass": ["person", "inetOrgPerson", "2.5.6.6", "groupOfNames", "top", "nonsense"],
    "structuralObjectClass": ["inetOrgPerson", "GROUPOFNAMES", "2.5.6.5", "account", "nonsense"],
    "description": ["padded words", "ünïcode", "teaches 3", "9"], "description;lang-en": ["teaches 3", "TEACHES  4"],
    "description;lang-fr": ["x"], "entryDN": [f"ou=People,{peers.SUFFIX}"], "hasSubordinates": ["TRUE", "FALSE"],
    "member": [f"uid=u0007,ou=people,{peers.SUFFIX}", f"UID=U0011 , ou=PEOPLE,{peers.SUFFIX}", "not a dn"],
    "postalAddress": ["room 7$main building$hong kong", "Room 7$Main Building", "room  7$main building$hk"],
    "labeledURI": ["https://uni.example/~A", "https://uni.example/~a"], "x121Address": ["1234", "1 2 3 4", "5"],
    "destinationIndicator": ["hong kong", "HONG  KONG"], "uidNumber": ["1010", "01010", "1100", "-1", "x"],
    "gidNumber": ["7", "-5", "100", "8"], "homeDirectory": ["/home/u", "/HOME/U"], "loginShell": ["/bin/sh"],
    "uniqueMember": [f"uid=u0007,ou=People,{peers.SUFFIX}", f"UID=u0008,ou=people,{peers.SUFFIX}#'01'B"],
    "seeAlso": [f"uid=u0007,ou=people,{peers.SUFFIX}"], "dc": ["uni", "UNI"], "o": ["university"],
    "name": ["chan", "law"], "2.5.4.3": ["law", "arts"], "noSuchAttribute": ["x"], "jpegPhoto": ["\x01\x02"],
}


def item(chance):
    attribute = chance.choice(list(VALUES))
    value = chance.choice(VALUES[attribute])
    kind = chance.random()
    if kind < 0.45:
        return f"({attribute}={escaped(value)})"
    if kind < 0.60:
        return f"({attribute}=*)"
    if kind < 0.78:
        return f"({attribute}={substrings(chance, value.strip())})"
    if kind < 0.90:
        return f"({attribute}{chance.choice(['>=', '<='])}{escaped(value)})"
    return chance.choice([
        f"({attribute}:caseExactMatch:={escaped(value)})", f"({attribute}:=  {escaped(value)})",
        f"(:caseIgnoreMatch:={escaped(value)})", "(ou:dn:=people)", "(dc:dn:caseIgnoreMatch:=UNI)",
        f"({attribute}:1.2.3.4.5:={escaped(value)})", "(&)", "(|)"])


def substrings(chance, value):
    """The value with stars in it.

    With no space beside a star: RFC 4518 section 2.6.1 gives a value one space at each end and two between words,
    so that `(cn=* ada*)`, `(cn=*lovelace *)` and `(cn=ada * lovelace)` are true of `Ada Lovelace`. slapd keeps none
    at the ends and one between words, and finds nothing.
    """
    cut = sorted(chance.sample(range(len(value) + 1), min(2, len(value) + 1)))
    pieces = value[:cut[0]], value[cut[0]:cut[-1]], value[cut[-1]:]
    shape = chance.choice(["{0}*", "*{1}*", "*{2}", "{0}*{2}", "{0}*{1}*", "*{1}*{2}"])
    text = shape.format(*map(escaped, pieces))
    return text if text.strip("*") and not re.search(r" \*|\* ", text) else "*"


def tree(chance, depth):
    if depth == 0 or chance.random() < 0.35:
        return item(chance)
    shape = chance.choice("&|!")
    if shape == "!":
        return f"(!{tree(chance, depth - 1)})"
    return f"({shape}{''.join(tree(chance, depth - 1) for _ in range(chance.randrange(1, 4)))})"


def plain(dn):
    """A DN with its escapes in one form. RFC 4514 section 2.4 leaves a server the choice: slapd writes `\\2C`
    where beadle writes `\\,`, and both are that comma."""
    return re.sub(r"\\([0-9A-Fa-f]{2}|.)", lambda found: f"\\{ord(found[1]):02X}" if len(found[1]) == 1
                  else found[0].upper(), dn)


def ask(port, scope, base, filters, *attributes):
    """All filters over one connection: a list of (result line, sorted entries).

    ldapsearch takes its last word for a filter only if an equals sign is in it, hence the AND around each.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(filters) + "\n")
        file.flush()
        out = subprocess.run(
            ["ldapsearch", "-x", "-c", "-o", "ldif-wrap=no", "-H", f"ldap://127.0.0.1:{port}", "-D", peers.ROOT_DN,
             "-w", peers.ROOT_PIN, "-b", base, "-s", scope, "-f", file.name, "(&(objectClass=*)%s)", *attributes],
            capture_output=True).stdout.decode()
    answers, entries, entry = [], [], []
    for text in out.split("\n"):
        if text.startswith("result: "):
            answers.append((text, sorted(entries)))
            entries = []
        elif text.startswith(("dn:", "dn::")) or (entry and text and not text.startswith("#")):
            entry.append(text)
        elif not text and entry:
            entries.append((plain(entry[0]), tuple(sorted(entry[1:]))))
            entry = []
    return answers


def compare(slapd, beadle, scope, base, filters, *attributes):
    """Asks both the same; returns how many answers differ, and how many tell entries apart: neither none nor all."""
    wrong = 0
    theirs, ours = (ask(port, scope, base, filters, *attributes) for port in (slapd.port, beadle.port))
    if len(theirs) != len(filters) or len(ours) != len(filters):
        raise SystemExit(f"asked {len(filters)} filters, slapd answered {len(theirs)}, beadle {len(ours)}")
    for text, their, our in zip(filters, theirs, ours):
        if their != our:
            wrong += 1
            names = lambda answer: {entry[0] for entry in answer[1]}
            print(f"DIFFERENT {scope} {text}\n  slapd:  {their[0]}, {len(their[1])} entries, "
                  f"alone: {sorted(names(their) - names(our))[:4]}\n  beadle: {our[0]}, {len(our[1])} entries, "
                  f"alone: {sorted(names(our) - names(their))[:4]}")
            if names(their) == names(our):
                both = next((a, b) for a, b in zip(their[1], our[1]) if a != b)
                print(f"  same names, other values: {set(both[0][1]) ^ set(both[1][1])}")
    most = max(len(entries) for _, entries in theirs)
    return wrong, sum(0 < len(entries) < most for _, entries in theirs)


def main():
    binary, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 400
    chance = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 20261122)
    with tempfile.TemporaryDirectory() as folder:
        university(chance, f"{folder}/people.ldif")
        with peers.Slapd(f"{folder}/slapd", f"{folder}/people.ldif", "include /etc/ldap/schema/nis.schema") as slapd, \
                peers.Beadle(binary, f"{folder}/beadle", f"{folder}/people.ldif") as beadle:
            filters = list(dict.fromkeys(tree(chance, 3) for _ in range(count)))
            searches = [
                ("sub", peers.SUFFIX, filters, "1.1"),
                ("one", f"ou=people,{peers.SUFFIX}", filters[:100], "*"),
                ("base", f"OU=Odd\\2C \\+ unit,{peers.SUFFIX}", filters[:20], "*"),
                ("children", f"ou=groups,{peers.SUFFIX}", filters[:60], "member", "cn"),
                ("one", f"ou=people,{peers.SUFFIX}", filters[100:160], "structuralObjectClass", "hasSubordinates",
                 "entryDN", "subschemaSubentry"),
                ("sub", f"ou=nowhere,{peers.SUFFIX}", filters[:3], "*"),
            ]
            compared = [compare(slapd, beadle, *search) for search in searches]
    asked, wrong = sum(len(search[2]) for search in searches), sum(wrong for wrong, _ in compared)
    telling = compared[0][1]
    print(f"filters: {asked} searches of slapd and beadle, {len(filters)} filters, of which {telling} find some "
          f"entries and not all")
    # A generator whose filters find nothing, or everything, would compare nothing.
    if telling < len(filters) // 3:
        raise SystemExit("filters: too few of them tell entries apart")
    print(f"{asked - wrong} passed, {wrong} failed")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
