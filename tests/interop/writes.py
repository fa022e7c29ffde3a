#!/usr/bin/env python3
"""The same random writes and searches into slapd and beadle: the same result codes, and the same content after each.

writes.py BEADLE [--count N] [--seed N] [--against slapd]     exits 1 if a difference is not in differences.md

`--against slapd` asks a second slapd instead of beadle: it tests this script.
"""
import argparse, collections, functools, pathlib, random, re, tempfile, time, unicodedata
import ldap, ldap.dn
from ldap import CONTROL_POST_READ, CONTROL_PRE_READ
from ldap.controls.libldap import SimplePagedResultsControl
from ldap.controls.sss import SSSRequestControl

import changes, peers
from change import Outcome

OVERLAYS = f"""
moduleload refint
moduleload unique
moduleload sssvlv
moduleload ppolicy
overlay refint
refint_attributes member uniqueMember seeAlso
refint_modifiersname "{peers.ROOT_DN}"
overlay ppolicy
overlay unique
unique_uri ldap:///?uid?sub
unique_uri ldap:///?mail?sub
unique_uri ldap:///?employeeNumber?sub
overlay sssvlv
access to attrs=userPassword by self write by * auth
access to * by * read
"""
# uidNumber need not be unique: slapd takes the number that one is incremented by for a value that somebody else may have.
RULES = """
[unique]
attributes = ["uid", "mail", "employeeNumber"]
[hashing]
memory_kib = 64
iterations = 1
"""
NAMES = {"member", "uniquemember", "seealso"}
# What a server itself notes of an entry.
STAMPS = {"creatorsname", "createtimestamp", "modifiersname", "modifytimestamp", "entryuuid", "entrycsn"}
NOTES = STAMPS | {"structuralobjectclass", "pwdchangedtime"}
# What it tells of an entry without storing it: compared once, at the end.
COMPUTED = ["entryDN", "hasSubordinates", "subschemaSubentry"]
PAGED, SORTED = "1.2.840.113556.1.4.319", "1.2.840.113556.1.4.473"
# Added by LDAP: what is imported has no author.
START = [(peers.SUFFIX, [("objectClass", [b"dcObject", b"organization"]), ("o", [b"University"]), ("dc", [b"uni"])])]
START += [(f"ou={unit},{peers.SUFFIX}", [("objectClass", [b"organizationalUnit"]), ("ou", [unit.encode()])])
          for unit in ("people", "groups", "rooms")]


@functools.lru_cache(100_000)
def normal(dn):
    """A DN in one form of all its spellings. What is none stays as it is."""
    try:
        rdns = ldap.dn.str2dn(dn)
    except ldap.DECODING_ERROR:
        return dn
    return tuple(tuple(sorted((name(kind), folded(value)) for kind, value, _ in rdn)) for rdn in rdns)


def name(kind):
    by_oid = {oid: short for short, oid in changes.OIDS.items()}
    by_alias = {alias.lower(): short for short, alias in changes.ALIASES.items()}
    kind = by_oid.get(kind, kind.lower())
    return by_alias.get(kind, kind)


def folded(value):
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def connect(server):
    """A connection as root; beadle is busy until it has loaded."""
    peers.wait_for(lambda: peers.tcp_open(server.port), "a server")
    connection = ldap.initialize(f"ldap://127.0.0.1:{server.port}")
    peers.wait_for(lambda: code_of(lambda: connection.simple_bind_s(peers.ROOT_DN, peers.ROOT_PIN)) != "BUSY", "root")
    return connection


def code_of(send, what=""):
    """The result's name, and what matchedDN says of an object that is not there."""
    return answer_of(send, what)[0]


def answer_of(send, what=""):
    """The same, and what the answer's controls say, or whatever else was found out."""
    try:
        answered = send()
        if isinstance(answered, Outcome):
            return answered.code, answered.said
        return "SUCCESS", said(answered)
    except ldap.SERVER_DOWN:
        raise SystemExit(f"a server has ended: {what}")
    except ldap.NO_SUCH_OBJECT as error:
        return f"NO_SUCH_OBJECT after {normal(error.args[0].get('matched', ''))}", None
    except ldap.LDAPError as error:
        return type(error).__name__, None


def said(answered):
    """The entries that were read before and after a change."""
    if not isinstance(answered, tuple) or len(answered) != 4:
        return answered
    reads = [control for control in answered[3] if control.controlType in (CONTROL_PRE_READ, CONTROL_POST_READ)]
    entries = [comparable(told([(read.dn, read.entry)])) for read in reads]
    return sorted((read.controlType, repr({dn: sorted(attributes.items()) for dn, attributes in entry.items()}))
                  for read, entry in zip(reads, entries))


def told(entries):
    """Entries by normal DN: the DN as it is spelt, and the user attributes without passwords."""
    found = {}
    for dn, attributes in entries:
        if dn is not None:
            kept = {kind.lower(): values for kind, values in attributes.items() if kind.lower() != "userpassword"}
            found[normal(dn)] = dn, kept
    return found


class Content(dict):
    """Everything there is as `told` tells it, and in `notes` what the server has noted, by normal DN."""


def content(server):
    entries = server.search_ext_s(peers.SUFFIX, ldap.SCOPE_SUBTREE, "(objectClass=*)", ["*", *sorted(NOTES)])
    is_note = lambda kind: kind.lower() in NOTES
    users = [(dn, {kind: values for kind, values in attributes.items() if not is_note(kind)})
             for dn, attributes in entries if dn is not None]
    found = Content(told(users))
    found.notes = {normal(dn): {kind.lower(): values[0].decode() for kind, values in attributes.items() if is_note(kind)}
                   for dn, attributes in entries if dn is not None}
    return found


def noted(before, after, change):
    """What a server has noted of a change, as it must be on all servers: of each entry that is new or changed, who did it
    and what has stayed. slapd's refint notes nothing in an entry whose references it has changed: not asked here."""
    by_identity = {notes["entryuuid"]: (dn, notes) for dn, notes in before.notes.items()}
    said = {}
    for dn, notes in after.notes.items():
        was, old = by_identity.get(notes["entryuuid"], (None, None))
        if old == notes:
            continue
        if old is None:
            what = ["new", normal(notes["creatorsname"]), normal(notes["modifiersname"]),
                    notes["createtimestamp"] == notes["modifytimestamp"]]
        elif not change.label.startswith("modify") and refers(before[was][1], after[dn][1]):
            continue
        elif old["entrycsn"] != notes["entrycsn"]:
            kept = [kind for kind in ("creatorsname", "createtimestamp") if old[kind] == notes[kind]]
            later = [kind for kind in ("modifytimestamp", "entrycsn") if old[kind] <= notes[kind]]
            what = ["changed", kept, later, normal(notes["modifiersname"])]
        elif all(old[kind] == notes[kind] for kind in STAMPS):
            continue
        else:
            what = ["noted without a number"]
        said[dn] = what + [notes["structuralobjectclass"].lower()]
        if "PIN" in change.label or change.label.startswith("password"):
            said[dn].append("pwdchangedtime" in notes)
    return said


def refers(before, after):
    """Whether other references are all that has changed."""
    changed = {kind for kind in before.keys() | after.keys() if before.get(kind) != after.get(kind)}
    return changed and changed <= NAMES


def comparable(found):
    def value(kind, raw):
        return normal(raw.decode()) if kind in NAMES else raw
    return {dn: {kind: sorted((value(kind, raw) for raw in values), key=repr) for kind, values in attributes.items()}
            for dn, (_, attributes) in found.items()}


def difference(theirs, ours):
    """The first entries and attributes that are not the same, as text; nothing if all are."""
    a, b = comparable(theirs), comparable(ours)
    parts = [f"only in slapd: {theirs[dn][0]}" for dn in a.keys() - b.keys()]
    parts += [f"only in beadle: {ours[dn][0]}" for dn in b.keys() - a.keys()]
    for dn in a.keys() & b.keys():
        for kind in sorted(a[dn].keys() | b[dn].keys()):
            if a[dn].get(kind) != b[dn].get(kind):
                parts.append(f"{theirs[dn][0]}: {kind}: slapd {theirs[dn][1].get(kind)}, beadle {ours[dn][1].get(kind)}")
    return "; ".join(sorted(parts)[:3])


def make_same(server, want):
    """Makes a server's content what `want` is."""
    have = content(server)
    for dn in sorted(have.keys() - want.keys(), key=len, reverse=True):
        code_of(lambda: server.delete_s(have[dn][0]))
    for dn in sorted(want.keys() - have.keys(), key=len):
        code_of(lambda: server.add_s(want[dn][0], list(want[dn][1].items())))
    have = content(server)
    a, b = comparable(have), comparable(want)
    for dn in a.keys() & b.keys():
        kinds = [kind for kind in a[dn].keys() | b[dn].keys() if a[dn].get(kind) != b[dn].get(kind)]
        if kinds:
            change = [(ldap.MOD_REPLACE, kind, want[dn][1].get(kind)) for kind in kinds]
            code_of(lambda: server.modify_s(have[dn][0], change))


class Explained:
    """The table of differences.md: what was done, what slapd says, what beadle says, why."""

    def __init__(self, path):
        rows = [[cell.strip() for cell in line.split(" | ")] for line in path.read_text().splitlines()]
        self.rows = {(row[0].strip("| "), row[1], row[2]): 0 for row in rows if len(row) == 4 and row[0] != "| what"}

    def has(self, label, theirs, ours):
        theirs, ours = theirs.split(" after")[0], ours.split(" after")[0]
        label, _, control = label.partition(" under ")
        kind, _, rest = label.partition(" ")
        rest = rest.removesuffix(" keeping the old value")
        parts = [f"{kind} {part}".strip() for part in rest.split(", ")]
        keys = [(part, theirs, ours) for part in parts] + [(f"{kind} under {control}", theirs, ours),
                                                           (f"under {control}", theirs, ours)]
        if (len(parts) > 1 or control) and not {theirs, ours} & {"SUCCESS", "content"}:
            keys.append(("several mistakes at once", "a refusal", "another"))
        for key in keys:
            if key in self.rows:
                self.rows[key] += 1
                return True
        return False


class Run:
    """Both servers, and what was found so far."""

    def __init__(self, slapd, beadle, chance, explained):
        self.slapd, self.beadle, self.chance, self.explained = slapd, beadle, chance, explained
        self.changes = changes.Changes(chance)
        self.codes, self.found, self.kinds = collections.Counter(), [], collections.Counter()
        offered = [server.search_s("", ldap.SCOPE_BASE, "(objectClass=*)", ["supportedControl"])[0][1]
                   for server in (slapd, beadle)]
        self.offered = [control for control in (PAGED, SORTED)
                        if all(control.encode() in offer.get("supportedControl", []) for offer in offered)]
        for server in (slapd, beadle):
            for dn, attributes in START:
                server.add_s(dn, attributes)
        self.before, self.noted = content(slapd), content(beadle)

    def write(self):
        self.changes.entries = self.before
        change = self.changes.next()
        (theirs, read), (ours, other) = (answer_of(lambda: change.send(server), change.text)
                                         for server in (self.slapd, self.beadle))
        self.codes[theirs.split(" ")[0]] += 1
        after = self.settled()
        told = difference(*after)
        if read != other and theirs == ours:
            told = f"slapd says {read}, beadle {other}"
        if not told and theirs == ours:
            self.note(change, after)
        if theirs == ours and not told:
            self.before, self.noted = after
            return True
        self.find(change.label, change.text, theirs, ours, told)
        self.resume(theirs, ours, after)
        return False

    def note(self, change, after):
        """Compares what both have noted of a change."""
        theirs, ours = (noted(*pair, change) for pair in zip((self.before, self.noted), after))
        apart = [f"{dn}: slapd {theirs.get(dn)}, beadle {ours.get(dn)}"
                 for dn in theirs.keys() | ours.keys() if theirs.get(dn) != ours.get(dn)]
        if apart:
            self.find(change.label, change.text, "notes", "notes", "; ".join(apart[:2]))

    def settled(self):
        """Both contents, once they are the same or slapd's refint, which answers first, must have ended."""
        end = time.monotonic() + 1
        while True:
            both = content(self.slapd), content(self.beadle)
            if time.monotonic() > end or not difference(*both):
                return both
            time.sleep(0.01)

    def find(self, label, text, theirs, ours, told):
        if theirs == ours != "notes":
            theirs = ours = "content"
        if not self.explained.has(label, theirs, ours):
            self.found.append(f"{label}: slapd {theirs}, beadle {ours}\n  {text}" + (f"\n  {told}" if told else ""))

    def resume(self, theirs, ours, after):
        """Makes both the same again: where one refused, as it was before; else as slapd has it, or as beadle has."""
        want = self.before if "SUCCESS" in (theirs, ours) and theirs != ours else after[0]
        make_same(self.slapd, want)
        make_same(self.beadle, want)
        if difference(*self.settled()):
            make_same(self.slapd, content(self.beadle))
        both = self.settled()
        if difference(*both):
            print("\n".join(self.found))
            raise SystemExit(f"cannot be made the same again: {difference(*both)}")
        self.before, self.noted = both

    def compute(self):
        """Compares what both tell of every entry without storing it."""
        theirs, ours = ({normal(dn): {kind: value[0].lower() for kind, value in attributes.items()}
                         for dn, attributes in server.search_s(peers.SUFFIX, ldap.SCOPE_SUBTREE, attrlist=COMPUTED)}
                        for server in (self.slapd, self.beadle))
        for notes in (*theirs.values(), *ours.values()):
            notes["entryDN"] = normal(notes["entryDN"].decode())
        apart = [f"{dn}: slapd {theirs.get(dn)}, beadle {ours.get(dn)}" for dn in theirs if theirs[dn] != ours.get(dn)]
        if apart:
            self.find("what is computed", "at the end", "notes", "notes", "; ".join(apart[:2]))

    # Searches.

    def search(self):
        base, scope = self.chance.choice([
            (peers.SUFFIX, ldap.SCOPE_SUBTREE), (self.changes.unit(), ldap.SCOPE_SUBTREE),
            (self.changes.unit(), ldap.SCOPE_ONELEVEL), (self.changes.any(), ldap.SCOPE_BASE),
            (peers.SUFFIX, ldap.SCOPE_SUBORDINATE), (self.changes.missing(), ldap.SCOPE_SUBTREE)])
        base = self.changes.odd(base)
        filter_text, manner = self.filter(2), self.chance.choice(["whole", *self.offered])
        kind = self.chance.choice(["uidNumber", "uid:caseIgnoreOrderingMatch"])
        if manner == SORTED:
            # Entries without the key, and those of equal keys, come in an order that is the server's own.
            filter_text = f"(&({kind.partition(':')[0]}=*){filter_text})"
        page = self.chance.randrange(1, 20)
        answers = [self.ask(server, base, scope, filter_text, manner, kind, page)
                   for server in (self.slapd, self.beadle)]
        self.kinds[manner] += 1
        (theirs, found, first), (ours, others, second) = answers
        if (theirs, first) == (ours, second) and not difference(found, others):
            return True
        text = f"{base!r} {scope} {filter_text} {manner} {kind if manner == SORTED else ''}"
        detail = difference(found, others) or f"order: slapd {first}, beadle {second}"
        self.find(f"search {manner}", text, theirs, ours, detail)
        return False

    def ask(self, server, base, scope, filter_text, manner, kind, page):
        """The code, the entries, and the keys in the order they came where one was asked for."""
        found, keys = [], []

        def send():
            controls = []
            if manner == SORTED:
                controls = [SSSRequestControl(criticality=True, ordering_rules=[kind])]
            cookie = SimplePagedResultsControl(True, page, "")
            while True:
                controls = [cookie] if manner == PAGED else controls
                asked = server.search_ext(base, scope, filter_text, serverctrls=controls)
                _, entries, _, answered = server.result3(asked)
                found.extend(entries)
                cookies = [control.cookie for control in answered if control.controlType == PAGED]
                if manner != PAGED or not cookies or not cookies[0]:
                    return
                cookie.cookie = cookies[0]
        code = code_of(send, f"search {base!r} {filter_text} {manner}")
        if manner == SORTED:
            sorted_by = kind.partition(":")[0]
            keys = [normal(dn) if sorted_by == "uid" else attributes.get(sorted_by) for dn, attributes in found]
        return code, told(found), keys

    def filter(self, depth):
        if depth and self.chance.random() < 0.5:
            kind = self.chance.choice("&|!")
            parts = "".join(self.filter(depth - 1) for _ in range(1 if kind == "!" else self.chance.randrange(1, 4)))
            return f"({kind}{parts})"
        _, attributes = self.chance.choice(sorted(self.before.values(), key=lambda entry: entry[0]))
        kind = self.chance.choice(sorted(attributes))
        value = self.chance.choice(sorted(attributes[kind]))
        text = value.decode(errors="replace")
        text = self.chance.choice([text, text.upper(), f" {text} "])
        cut = self.chance.randrange(1, len(text) + 1) if text else 0
        return self.chance.choice([f"({kind}={escaped(text)})", f"({kind}=*)", f"({kind}={escaped(text[:cut].strip())}*)",
                                   f"({kind}>={escaped(text)})", f"({kind}={escaped(text)})"])


def escaped(value):
    return re.sub(r"[^\w .@+-]", lambda found: "".join(f"\\{byte:02x}" for byte in found[0].encode()), value)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=20261128)
    parser.add_argument("--against", choices=["beadle", "slapd"], default="beadle")
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    explained = Explained(pathlib.Path(__file__).with_name("differences.md"))
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(f"{folder}/start.ldif").write_text("")
        theirs = f"{folder}/slapd", f"{folder}/start.ldif", "include /etc/ldap/schema/nis.schema", OVERLAYS
        ours = asked.binary, f"{folder}/other", f"{folder}/start.ldif", RULES
        with peers.Slapd(*theirs) as slapd, \
                (peers.Beadle(*ours) if asked.against == "beadle" else peers.Slapd(ours[1], *theirs[1:])) as other:
            run = Run(connect(slapd), connect(other), chance, explained)
            passed = sum(run.write() + run.search() for _ in range(asked.count))
            run.compute()
    report(run, asked, passed)


def report(run, asked, passed):
    for text in run.found:
        print(f"DIFFERENT {text}")
    for (label, theirs, ours), used in run.explained.rows.items():
        print(f"{'explained' if used else 'not met'}: {label}: slapd {theirs}, beadle {ours}: {used} times")
    told = ", ".join(f"{code} {count}" for code, count in run.codes.most_common())
    print(f"writes: {asked.count} of each kind into slapd and {asked.against}, seed {asked.seed}: {told}")
    print(f"searches: {asked.count}: " + ", ".join(f"{kind} {count}" for kind, count in run.kinds.items()))
    explained = 2 * asked.count - passed - len(run.found)
    print(f"{explained} differences as differences.md says")
    print(f"{passed + explained} passed, {len(run.found)} failed")
    raise SystemExit(1 if run.found else 0)


if __name__ == "__main__":
    main()
