"""Random changes of PINs: as the attribute `userPassword`, and by Password Modify (RFC 3062)."""
import base64, hashlib
import ldap

from change import ADD, DELETE, REPLACE, Change, Outcome

PIN = "a-good-PIN-42-"


class Pins:
    """What `Changes` inherits: `self` has `chance`, `fresh`, `person` and `among`."""

    # Password Modify (RFC 3062).

    def password(self):
        pin = PIN + self.fresh("")
        label, dn = self.chance.choice([("password", self.person()), ("password", self.person()),
                                        ("password of what is not there", self.missing()),
                                        ("password of what is outside", self.outside())])
        spelt = self.odd(dn)

        def send(to, _):
            to.passwd_s(spelt, None, pin)
            asker = ldap.initialize(to.get_option(ldap.OPT_URI))
            asker.simple_bind_s(dn, pin)
            asker.unbind_s()
        return Change(label, f"password of {spelt!r}", send)

    # The PIN as an attribute.

    def pin(self):
        """An administrator changes `userPassword`."""
        old, new = PIN + self.fresh(""), PIN + self.fresh("")
        label, steps, *before = self.chance.choice([
            ("replace the PIN", [(REPLACE, new)]), ("replace no PIN", [(REPLACE, new)], None),
            ("add a first PIN", [(ADD, new)], None), ("add a second PIN", [(ADD, new)]),
            ("add the PIN that is there", [(ADD, old)]), ("replace the PIN by nothing", [(REPLACE, None)]),
            ("replace no PIN by nothing", [(REPLACE, None)], None), ("delete the PIN", [(DELETE, None)]),
            ("delete no PIN", [(DELETE, None)], None), ("delete the PIN by name", [(DELETE, old)]),
            ("delete another PIN", [(DELETE, new)]), ("delete the PIN and add one", [(DELETE, old), (ADD, new)]),
            ("add a PIN and delete the old one", [(ADD, new), (DELETE, old)]),
            ("delete another PIN and add one", [(DELETE, "other-" + old), (ADD, new)]),
            ("replace the PIN by a hash", [(REPLACE, hashed(new))]), ("add an empty PIN", [(ADD, "")], None)])
        return self.of_pin("modify " + label, self.person(), None, (before or [old])[0], steps, [old, new])

    def own_pin(self):
        """Somebody changes the own one, or another's."""
        old, new, dn = PIN + self.fresh(""), PIN + self.fresh(""), self.person()
        label, steps = self.chance.choice([
            ("delete the own PIN and add one", [(DELETE, old), (ADD, new)]),
            ("delete the own PIN and add one", [(DELETE, old), (ADD, new)]),
            ("add an own PIN and delete the old one", [(ADD, new), (DELETE, old)]),
            ("delete another own PIN and add one", [(DELETE, "other-" + old), (ADD, new)]),
            ("replace the own PIN", [(REPLACE, new)]), ("delete the own PIN", [(DELETE, None)]),
            ("another's PIN", [(DELETE, old), (ADD, new)])])
        asker = self.among(lambda attributes: b"inetOrgPerson" in attributes["objectclass"])
        asker = asker if label.startswith("another") and asker != dn else dn
        label = "replace the own PIN" if label.startswith("another") and asker == dn else label
        return self.of_pin("modify " + label, dn, asker, old, steps, [old, new])

    def of_pin(self, label, dn, asker, before, steps, pins):
        """A change of a PIN that was `before`, by the administrator or by `asker`; which of `pins` is it then?"""
        changes = [(kind, "userPassword", [pin.encode()] if pin is not None else None) for kind, pin in steps]

        def send(to, _):
            for whose in {dn, asker or dn}:
                to.modify_s(whose, [(REPLACE, "userPassword", [before.encode()] if before else None)])
            by = ldap.initialize(to.get_option(ldap.OPT_URI)) if asker else to
            if asker:
                by.simple_bind_s(asker, before)
            try:
                by.modify_s(dn, changes)
                code = "SUCCESS"
            except ldap.LDAPError as error:
                code = type(error).__name__
            if asker:
                by.unbind_s()
            return Outcome(code, [pin for pin in pins if logs_in(to, dn, pin)])
        return Change(label, f"{label} of {dn!r} by {asker or 'root'}: {changes}", send)


def logs_in(to, dn, pin):
    asker = ldap.initialize(to.get_option(ldap.OPT_URI))
    try:
        asker.simple_bind_s(dn, pin)
        return True
    except ldap.INVALID_CREDENTIALS:
        return False
    finally:
        asker.unbind_s()


def hashed(pin):
    salt = b"saltsalt"
    return "{SSHA}" + base64.b64encode(hashlib.sha1(pin.encode() + salt).digest() + salt).decode()
