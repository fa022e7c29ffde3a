"""Random writes, right and wrong, for the directory that a `University` says there is.

A change is a label, which says what is special about it, and what sends it. The label is what `differences.md` explains.
"""
import time
import ldap, ldap.dn

import peers, pins
from change import ADD, DELETE, INCREMENT, REPLACE, Change, Outcome, encoded
from controls import CONTROLS

PEOPLE, GROUPS = f"ou=people,{peers.SUFFIX}", f"ou=groups,{peers.SUFFIX}"
OIDS = {"uid": "0.9.2342.19200300.100.1.1", "cn": "2.5.4.3", "ou": "2.5.4.11", "sn": "2.5.4.4", "dc":
        "0.9.2342.19200300.100.1.25"}
ALIASES = {"cn": "commonName", "sn": "surname", "ou": "organizationalUnitName", "uid": "userid"}
WORDS = "Ada|Grace|Ka Wing|Émile|Max, Jr.|a+b|O'Neil|#one|  two  words |李|back\\slash|<x>|\"q\"|a=b;c".split("|")
# With fewer than these, entries are added: what is deleted, renamed and searched needs something to be about.
ENTRIES_MIN = 40
# With more, entries are deleted: both servers tell everything after each change.
ENTRIES_MAX = 90
# After these slapd leaves a group as it was.
IN_VAIN = {"delete the last member", "modify away the last member"}


class Changes(pins.Pins):
    """Makes changes. `entries` are the DN and attributes of every entry, by normal form; who applies keeps it true."""

    def __init__(self, chance):
        self.chance, self.entries, self.number = chance, {}, 0

    def next(self):
        if len(self.entries) < ENTRIES_MIN:
            return self.right_add()
        if len(self.entries) > ENTRIES_MAX and self.chance.random() < 0.3:
            return self.deleting("delete", self.odd(self.person()))
        if self.chance.random() < 0.06:
            return self.chance.choice([self.password, self.own_pin, self.pin, self.pin])()
        makers = [self.add, self.modify, self.delete, self.rename]
        change = self.chance.choices(makers, [30, 40, 10, 16])[0]()
        return change.under(*self.chance.choice(CONTROLS)(self)) if self.chance.random() < 0.2 else change

    # Names.

    def odd(self, dn):
        """The same name, often spelt another way."""
        if self.chance.random() < 0.6 or not ldap.dn.is_dn(dn):
            return dn
        rdns = []
        for rdn in ldap.dn.str2dn(dn):
            rdns.append("+".join(self.odd_part(kind, value) for kind, value, _ in rdn))
        return self.chance.choice([",", ", ", " , ", " ,"]).join(rdns)

    def reference(self, dn):
        """The same for a value and for a rename. With no double spaces: there slapd's refint cuts what has to follow at
        another place than it should."""
        return self.odd(" ".join(dn.split())).replace("  ", " ")

    def odd_part(self, kind, value):
        kind = self.chance.choice([kind, kind.upper(), OIDS.get(kind.lower(), kind)])
        value = self.chance.choice([value, value, value.upper(), value.replace(" ", "  ")])
        value = ldap.dn.escape_dn_chars(value)
        if value[0].isalnum() and value[0].isascii() and self.chance.random() < 0.3:
            value = f"\\{ord(value[0]):02x}{value[1:]}"
        return self.chance.choice(["=", "=", " = ", "= "]).join([kind, value])

    def odd_type(self, kind):
        if self.chance.random() < 0.7:
            return kind
        return self.chance.choice([kind.upper(), OIDS.get(kind, kind), ALIASES.get(kind, kind)])

    def fresh(self, prefix):
        self.number += 1
        return f"{prefix}{self.number}"

    def among(self, test, otherwise=peers.SUFFIX):
        names = [dn for dn, attributes in self.entries.values() if test(attributes)]
        return self.chance.choice(sorted(names)) if names else otherwise

    def any(self):
        return self.among(lambda _: True)

    def of_class(self, name):
        return self.among(lambda attributes: name in attributes["objectclass"])

    def person(self):
        return self.of_class(b"inetOrgPerson")

    def group(self):
        return self.of_class(b"groupOfNames")

    def unit(self):
        return self.of_class(b"organizationalUnit")

    def branch(self):
        """A unit that may go: people and groups stay, or every add would be one below nothing."""
        units = [unit for unit in (self.unit() for _ in range(5)) if unit not in (PEOPLE, GROUPS)]
        return units[0] if units else self.person()

    def missing(self):
        return self.chance.choice([f"uid=nobody{self.number},{PEOPLE}", f"uid=x,ou=nowhere,{peers.SUFFIX}",
                                   f"cn=x,{self.person()}", f"cn=a,ou=b,{self.group()}"])

    def outside(self):
        return self.chance.choice(["dc=elsewhere", "dc=example", "uid=x,dc=elsewhere,dc=example"])

    def attributes_of(self, dn):
        return next(attributes for name, attributes in self.entries.values() if name == dn)

    # Values.

    def word(self):
        return self.chance.choice(WORDS)

    def name(self):
        return " ".join(self.word().split())

    def nested(self):
        """A branch, an RDN, and a unit below that branch, if there is one."""
        units = [name for name, attributes in self.entries.values() if b"organizationalUnit" in attributes["objectclass"]]
        below = sorted(unit for unit in units if above(unit) in units and above(unit) not in (PEOPLE, GROUPS))
        child = self.chance.choice(below) if below else f"ou=x,ou=rooms,{peers.SUFFIX}"
        return above(child), "ou=x", child

    def new_person(self, uid):
        attributes = {"objectClass": ["inetOrgPerson"], "uid": [uid], "cn": [f"{self.word()} {uid}"], "sn": [self.word()]}
        maybe = lambda share: self.chance.random() < share
        if maybe(0.5):
            attributes["mail"] = [f"{uid}@uni.example"]
        if maybe(0.5):
            attributes["employeeNumber"] = [str(10_000 + self.number)]
        if maybe(0.4):
            attributes["telephoneNumber"] = [f"+852 3917 {self.number:04d}", f"+852-3917-{self.number + 1:04d}"]
        if maybe(0.4):
            attributes["description;lang-en"] = [self.word()]
        if maybe(0.4):
            attributes["objectClass"].append("posixAccount")
            attributes |= {"uidNumber": [str(self.number)], "gidNumber": ["100"], "homeDirectory": ["/home/" + uid]}
        if maybe(0.3):
            attributes["seeAlso"] = [self.reference(self.any())]
        return attributes

    def new_group(self, name):
        # The suffix stays a member: what becomes of a group that loses its last one is not for slapd's refint to say.
        members = dict.fromkeys([peers.SUFFIX, *(self.person() for _ in range(self.chance.randrange(4)))])
        return {"objectClass": ["groupOfNames"], "cn": [name], "member": [self.reference(member) for member in members]}

    # Add.

    def add(self):
        if self.chance.random() < 0.5:
            return self.right_add()
        uid = self.fresh("w")
        dn, attributes = f"uid={uid},{PEOPLE}", self.new_person(uid)
        label, dn, attributes = self.chance.choice(WRONG_ADDS)(self, dn, attributes)
        return adding("add " + label, dn, attributes)

    def right_add(self):
        kind = self.chance.random()
        if kind < 0.6:
            uid = self.fresh("p")
            parent = PEOPLE if self.chance.random() < 0.7 else self.unit()
            return adding("add", f"{self.odd_type('uid')}={uid},{self.odd(parent)}", self.new_person(uid))
        if kind < 0.8:
            name = self.fresh("g ")
            return adding("add", f"cn={name},{self.odd(GROUPS)}", self.new_group(name))
        name = self.fresh("U ")
        attributes = {"objectClass": ["organizationalUnit"], self.odd_type("ou"): [name]}
        return adding("add", f"ou={name},{self.odd(self.unit())}", attributes)

    # Modify.

    def modify(self):
        if self.chance.random() < 0.04:
            return self.other_class()
        if self.chance.random() < 0.05:
            where, absent = self.chance.choice([("outside", self.outside()), ("not there", self.missing())])
            return Change(f"modify what is {where}", f"modify {absent!r}",
                          lambda to, controls: to.modify_ext_s(absent, [(REPLACE, "description", [b"x"])], controls))
        dn = self.any()
        attributes = self.attributes_of(dn)
        makers = [self.chance.choice(MODIFICATIONS) for _ in range(self.chance.choice([1, 1, 1, 2, 3]))]
        made = [make(self, attributes) for make in makers]
        changes = [(kind, self.odd_type(name), [encoded(value) for value in values] if values is not None else None)
                   for _, kind, name, values in made]
        label = "modify " + ", ".join(label for label, *_ in made)
        dn = self.odd(dn)
        return Change(label, f"modify {dn!r} {changes}", lambda to, controls: to.modify_ext_s(dn, changes, controls))

    def other_class(self):
        """Another structural class, of which the entry would be a right one."""
        dn, name, kind = self.chance.choice([(self.branch(), "organizationalRole", "cn"), (self.person(), "account", "host"),
                                             (self.group(), "organizationalRole", "description")])
        changes = [(REPLACE, "objectClass", [name.encode()]), (ADD, kind, [self.fresh("c ").encode()])]
        if name == "account":
            changes += [(REPLACE, gone, None) for gone in sorted(self.attributes_of(dn))
                        if gone not in ("objectclass", "uid", "seealso", "ou", "description")]
        if kind == "description":
            changes.append((DELETE, "member", None))
        return Change("modify the structural class", f"modify {dn!r} {changes}",
                      lambda to, controls: to.modify_ext_s(dn, changes, controls))

    def value_of(self, attributes, name):
        """A value that is there, most often."""
        values = attributes.get(name.lower()) or [b"none"]
        return self.chance.choice(sorted(values))

    # Delete.

    def last_member(self):
        """What becomes of a group when its only member goes, or gets another name."""
        uid, name = self.fresh("p"), self.fresh("g ")
        dn, group = f"uid={uid},{PEOPLE}", f"cn={name},{GROUPS}"
        person = {"objectClass": ["inetOrgPerson"], "uid": [uid], "cn": ["x"], "sn": ["x"]}
        label, last = self.chance.choice([
            ("delete the last member", lambda to: to.delete_s(dn)),
            ("rename the last member", lambda to: to.rename_s(dn, f"uid={uid}x")),
            ("modify away the last member", lambda to: to.modify_s(group, [(DELETE, "member", [dn.encode()])])),
            ("modify to another last member",
             lambda to: to.modify_s(group, [(ADD, "member", [PEOPLE.encode()]), (DELETE, "member", [dn.encode()])]))])

        def send(to, controls):
            for change in (adding("", dn, person),
                           adding("", group, {"objectClass": ["groupOfNames"], "cn": [name], "member": [dn]})):
                change.send(to)
            code = "SUCCESS"
            try:
                last(to)
            except ldap.LDAPError as error:
                code = type(error).__name__
            members = members_at_rest(to, group, dn, 0.3 if label in IN_VAIN else 10)
            for gone in (group, dn, f"uid={uid}x,{PEOPLE}"):
                if gone == group or to.search_s(PEOPLE, ldap.SCOPE_ONELEVEL, f"(uid={gone[4:].split(',')[0]})", ["1.1"]):
                    to.delete_s(gone)
            return Outcome(code, members)
        return Change(label, f"{label} {dn!r} of {group!r}", send)

    def deleting(self, label, dn):
        return Change(label, f"delete {dn!r}", lambda to, controls: to.delete_ext_s(dn, controls))

    def delete(self):
        if self.chance.random() < 0.1:
            return self.last_member()
        label, dn = self.chance.choice([
            ("delete", self.person()), ("delete", self.person()), ("delete", self.group()), ("delete", self.branch()),
            ("delete what is not there", self.missing()),
            ("delete what is outside", self.outside()), ("delete suffix", peers.SUFFIX),
            ("delete bad name", "uid=,=x"), ("delete nothing", "")])
        dn = self.odd(dn) if dn and "bad" not in label else dn
        return self.deleting(label, dn)

    # Rename.

    def rename(self):
        old = self.chance.choice([self.person, self.person, self.group, self.branch])()
        label, old, rdn, above = self.chance.choice(RENAMES)(self, old)
        keep_old = self.chance.random() < 0.4
        label = f"rename {label}" + (" keeping the old value" if keep_old else "")
        old, above = self.reference(old), above and self.reference(above)
        return Change(label, f"rename {old!r} to {rdn!r} below {above!r}, keep {keep_old}",
                      lambda to, controls: to.rename_s(old, rdn, above, 0 if keep_old else 1, controls))

def adding(label, dn, attributes):
    listed = [(name, [encoded(value) for value in values]) for name, values in attributes.items()]
    return Change(label, f"add {dn!r} {attributes}", lambda to, controls: to.add_ext_s(dn, listed, controls))


def members_at_rest(to, group, before, seconds):
    """The members of a group once they are others than before; slapd's refint answers first."""
    end = time.monotonic() + seconds
    while True:
        members = to.search_s(group, ldap.SCOPE_BASE, attrlist=["member"])[0][1].get("member", [])
        if members != [before.encode()] or time.monotonic() > end:
            return sorted(members)


def without(attributes, *names):
    return {name: values for name, values in attributes.items() if name not in names}


# What is wrong, and how: each takes the changes so far, a DN and attributes that would be right.
WRONG_ADDS = [
    lambda self, dn, a: ("of an existing name", self.odd(self.any()), a),
    lambda self, dn, a: ("below nothing", f"uid=x{self.number},ou=none,ou=nowhere,{PEOPLE}", a),
    lambda self, dn, a: ("below a person", dn.replace(PEOPLE, self.person()), a),
    lambda self, dn, a: ("of the suffix", peers.SUFFIX, {"objectClass": ["dcObject", "organization"], "dc": ["uni"],
                                                         "o": ["x"]}),
    lambda self, dn, a: ("outside", "uid=x,dc=elsewhere", a),
    lambda self, dn, a: ("of nothing", "", a),
    lambda self, dn, a: ("of a bad name", "uid", a),
    lambda self, dn, a: ("without a required attribute", dn, without(a, "sn")),
    lambda self, dn, a: ("without the naming attribute", dn, without(a, "uid")),
    lambda self, dn, a: ("without the naming value", dn, a | {"uid": ["other" + a["uid"][0]]}),
    lambda self, dn, a: ("without object class", dn, without(a, "objectClass")),
    lambda self, dn, a: ("without structural class", dn, {"objectClass": ["posixAccount"], "uid": a["uid"], "cn": ["x"],
                                                          "uidNumber": ["1"], "gidNumber": ["1"],
                                                          "homeDirectory": ["/"]}),
    lambda self, dn, a: ("of two structural classes", dn, a | {"objectClass": ["inetOrgPerson", "device"]}),
    lambda self, dn, a: ("of a chain of classes", dn, a | {"objectClass": ["top", "person", "inetOrgPerson"]}),
    lambda self, dn, a: ("of an unknown class", dn, a | {"objectClass": ["inetOrgPerson", "noSuchClass"]}),
    lambda self, dn, a: ("of an abstract class alone", dn, a | {"objectClass": ["top"]}),
    lambda self, dn, a: ("of an unknown attribute", dn, a | {"noSuchAttribute": ["x"]}),
    lambda self, dn, a: ("of an attribute no class allows", dn, a | {"serialNumber": ["1"]}),
    lambda self, dn, a: ("of a bad integer", dn, without(a, "objectClass") | {
        "objectClass": ["inetOrgPerson", "posixAccount"], "gidNumber": ["1"], "homeDirectory": ["/"],
        "uidNumber": [self.chance.choice(["x", "", "1.0", "+1", "01", " 1"])]}),
    lambda self, dn, a: ("of a bad DN value", dn, a | {"seeAlso": ["not a dn"]}),
    lambda self, dn, a: ("of an empty value", dn, a | {self.chance.choice(["sn", "description", "seeAlso"]): [""]}),
    lambda self, dn, a: ("of no values", dn, a | {"description": []}),
    lambda self, dn, a: ("of equal values", dn, a | {"sn": ["Chan", " CHAN "]}),
    lambda self, dn, a: ("of two values where one may be", dn, a | {"displayName": ["a", "b"]}),
    lambda self, dn, a: ("of one attribute twice", dn, without(a, "sn") | {"sn": ["a"], "surname": ["b"]}),
    lambda self, dn, a: ("of an operational attribute", dn, a | {
        self.chance.choice(["createTimestamp", "modifyTimestamp"]): ["20260101000000Z"]}),
    lambda self, dn, a: ("of a computed attribute", dn, a | {"entryDN": [dn]}),
    lambda self, dn, a: ("of a taken uid", dn, a | {"uid": a["uid"] + [self.taken("uid")]}),
    lambda self, dn, a: ("of a taken mail", dn, a | {"mail": [self.taken("mail").upper()]}),
    lambda self, dn, a: ("of a bad option", dn, a | {"description;": ["x"]}),
    lambda self, dn, a: ("of a binary option", dn, a | {"sn;binary": ["x"]}),
    lambda self, dn, a: ("of a name of two parts", f"uid={a['uid'][0]}+sn=Part,{PEOPLE}", a | {"sn": ["part", "x"]}),
    lambda self, dn, a: ("of a group without members", f"cn={self.number},{GROUPS}", {"objectClass": ["groupOfNames"],
                                                                                      "cn": [str(self.number)]}),
    lambda self, dn, a: ("of a long value", dn, a | {"description": ["long " * 2000]}),
]


def taken(self, name):
    dn = self.among(lambda attributes: name in attributes, None)
    return self.value_of(self.attributes_of(dn), name).decode() if dn else f"{name}@none"


Changes.taken = taken


def nobody(attributes):
    """What a label says if the entry cannot have what only people have."""
    return "" if b"inetOrgPerson" in attributes.get("objectclass", []) else " of nobody"


def required(attributes):
    return " that is required" if b"posixAccount" in attributes.get("objectclass", []) else ""


# Each takes the changes so far and the entry's attributes: label, operation, type, values.
MODIFICATIONS = [
    lambda self, a: ("add a value", ADD, "description", [self.fresh("d ")]),
    lambda self, a: ("add two values", ADD, "description;lang-de", [self.fresh("d "), self.fresh("d ")]),
    lambda self, a: ("add a number", ADD, "telephoneNumber", [f"+852 2{self.chance.randrange(9)}"]),
    lambda self, a: ("add what is there", ADD, "description", [self.value_of(a, "description").upper()]),
    lambda self, a: ("add equal values", ADD, "description", ["same", "  SAME "]),
    lambda self, a: ("add a second to one", ADD, "displayName", [self.word()]),
    lambda self, a: ("add no values", ADD, "description", []),
    lambda self, a: ("add an empty value", ADD, "description", [""]),
    lambda self, a: ("replace", REPLACE, "sn", [self.word()]),
    lambda self, a: ("replace", REPLACE, "title", [self.word(), "Second " + self.word()]),
    lambda self, a: ("replace by another spelling", REPLACE, "sn", [self.value_of(a, "sn").swapcase()]),
    lambda self, a: ("replace by nothing", REPLACE, "description", None),
    lambda self, a: ("replace by nothing what is not there", REPLACE, "carLicense", None),
    lambda self, a: ("replace one by two", REPLACE, "displayName", ["a", "b"]),
    lambda self, a: ("replace by equal values", REPLACE, "title", ["same", "SAME"]),
    lambda self, a: ("replace the class", REPLACE, "objectClass", ["device"]),
    lambda self, a: ("delete a value", DELETE, "description", [self.value_of(a, "description")]),
    lambda self, a: ("delete a value", DELETE, "telephoneNumber", [self.value_of(a, "telephoneNumber")]),
    lambda self, a: ("delete a value spelt otherwise", DELETE, "title", [b" " + self.value_of(a, "title").upper()]),
    lambda self, a: ("delete what is not there", DELETE, "title", ["nobody has this"]),
    lambda self, a: ("delete all", DELETE, self.chance.choice(["description", "mail", "title"]), None),
    lambda self, a: ("delete a required attribute", DELETE, self.chance.choice(["sn", "member"]), None),
    lambda self, a: ("delete a required attribute of the name", DELETE, "cn", None),
    lambda self, a: ("delete all object classes", DELETE, "objectClass", None),
    lambda self, a: ("delete the naming value" + required(a), DELETE, "uid", [self.value_of(a, "uid")]),
    lambda self, a: ("replace the naming value", REPLACE, "uid", [self.fresh("r")]),
    lambda self, a: ("add a uid", ADD, "uid", [self.fresh("alias")]),
    lambda self, a: ("add a taken uid" + nobody(a), ADD, "uid", [self.taken("uid").upper()]),
    lambda self, a: ("replace by a taken mail" + nobody(a), REPLACE, "mail", [self.taken("mail")]),
    lambda self, a: ("add an auxiliary class", ADD, "objectClass", ["posixAccount"]),
    lambda self, a: ("add an auxiliary class", ADD, "objectClass", ["labeledURIObject"]),
    lambda self, a: ("delete an auxiliary class", DELETE, "objectClass", ["posixAccount"]),
    lambda self, a: ("add a class above", ADD, "objectClass", [self.chance.choice(["top", "person"])]),
    lambda self, a: ("add a structural class", ADD, "objectClass", ["device"]),
    lambda self, a: ("add an unknown class", ADD, "objectClass", ["noSuchClass"]),
    lambda self, a: ("delete the structural class", DELETE, "objectClass", ["inetOrgPerson"]),
    lambda self, a: ("increment", INCREMENT, "uidNumber", [self.chance.choice(["1", "-7", "0", "100"])]),
    lambda self, a: ("increment by no number", INCREMENT, "uidNumber", [self.chance.choice(["x", ""])]),
    lambda self, a: ("increment by two", INCREMENT, "gidNumber", ["1", "2"]),
    lambda self, a: ("increment by nothing", INCREMENT, "gidNumber", []),
    lambda self, a: ("increment what is no number", INCREMENT, "sn", ["1"]),
    lambda self, a: ("add a member", ADD, "member", [self.reference(self.person())]),
    lambda self, a: ("add a member", ADD, "member", [self.reference(self.person()), self.reference(self.group())]),
    lambda self, a: ("delete a member", DELETE, "member", [self.reference(self.person())]),
    lambda self, a: ("replace the members", REPLACE, "member", [peers.SUFFIX, self.reference(self.person())]),
    lambda self, a: ("replace by a bad DN", REPLACE, "member", ["not a dn"]),
    lambda self, a: ("replace by a bad number", REPLACE, "uidNumber", ["12x"]),
    lambda self, a: ("an unknown attribute", REPLACE, "noSuchAttribute", ["x"]),
    lambda self, a: ("an attribute no class allows", ADD, "serialNumber", ["1"]),
    lambda self, a: ("an operational attribute", self.chance.choice([ADD, REPLACE]), "createTimestamp",
                     ["20260101000000Z"]),
    lambda self, a: ("a computed attribute", self.chance.choice([ADD, REPLACE]), "entryDN", [peers.SUFFIX]),
    lambda self, a: ("delete an operational attribute", DELETE, "entryUUID", None),
    lambda self, a: ("a bad type", REPLACE, self.chance.choice(["1a", "a_b", "", "cn;", "1..2"]), ["x"]),
    lambda self, a: ("an option", REPLACE, "CN;LANG-fr", [self.word()]),
    lambda self, a: ("an unknown option", REPLACE, "cn;x-home", [self.word()]),
    lambda self, a: ("two options", REPLACE, "cn;lang-fr;lang-en", [self.word()]),
]


def rdn_of(dn):
    return ldap.dn.explode_dn(dn)[0]


def above(dn):
    return ",".join(ldap.dn.explode_dn(dn)[1:])


def kind_of(dn):
    return ldap.dn.str2dn(dn)[0][0][0]


def other(dn):
    """An attribute that every entry may have, and is not in its name."""
    return "description" if kind_of(dn) == "l" else "l"


# Each takes the changes so far and a DN: label, DN, new RDN, new superior. An operational attribute is not among the
# new RDNs: slapd 2.5.13 ends at `createTimestamp=20260101000000Z`.
RENAMES = [
    lambda self, dn: ("", dn, f"{self.odd_type(kind_of(dn))}={self.fresh('n ')}", None),
    lambda self, dn: ("", dn, f"{kind_of(dn)}={ldap.dn.escape_dn_chars(self.name())} {self.fresh('')}", None),
    lambda self, dn: ("and move", dn, f"{kind_of(dn)}={self.fresh('m ')}", self.unit()),
    lambda self, dn: ("by move", dn, rdn_of(dn), self.unit()),
    lambda self, dn: ("onto itself", dn, self.odd(rdn_of(dn)), self.chance.choice([None, above(dn)])),
    lambda self, dn: ("by case", dn, rdn_of(dn).upper(), None),
    lambda self, dn: ("below itself", dn, rdn_of(dn), dn),
    lambda self, dn: ("below its child", *self.nested()),
    lambda self, dn: ("onto an existing name", dn, rdn_of(self.any()), self.chance.choice([None, PEOPLE, GROUPS])),
    lambda self, dn: ("below nothing", dn, rdn_of(dn), f"ou=nowhere,{peers.SUFFIX}"),
    lambda self, dn: ("below a person", dn, rdn_of(dn), self.person()),
    lambda self, dn: ("outside", dn, rdn_of(dn), "dc=elsewhere"),
    lambda self, dn: ("by another attribute", dn, f"description={self.fresh('d')}", None),
    lambda self, dn: ("by an attribute no class allows", dn, f"serialNumber={self.fresh('')}", None),
    lambda self, dn: ("by an unknown attribute", dn, "noSuchAttribute=x", None),
    lambda self, dn: ("to two parts", dn, f"{kind_of(dn)}={self.fresh('t')}+{other(dn)}={self.fresh('l')}", None),
    lambda self, dn: ("to two parts of one type", dn, f"{kind_of(dn)}=a+{kind_of(dn)}=b", None),
    lambda self, dn: ("to a taken uid", self.person(), f"uid={self.taken('uid')}", GROUPS),
    lambda self, dn: ("to a bad name", dn, self.chance.choice(["x", "", "=x", "cn=a,ou=b"]), None),
    lambda self, dn: ("to an empty name", dn, f"{kind_of(dn)}=", None),
    lambda self, dn: ("below a bad name", dn, rdn_of(dn), "x"),
    lambda self, dn: ("of what is not there", self.missing(), "cn=x", None),
    lambda self, dn: ("of what is outside", self.outside(), "cn=x", None),
    lambda self, dn: ("of the suffix", peers.SUFFIX, "dc=other", None),
]
