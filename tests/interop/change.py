"""What a change is to the scripts that send the same to several servers."""
import ldap

ADD, DELETE, REPLACE, INCREMENT = ldap.MOD_ADD, ldap.MOD_DELETE, ldap.MOD_REPLACE, ldap.MOD_INCREMENT


class Change:
    """One write: what is special about it, and how it is sent over a connection, with these controls."""

    def __init__(self, label, text, send, controls=()):
        self.label, self.text, self.controls = label, text, list(controls)
        self.send_with = send

    def send(self, to):
        return self.send_with(to, self.controls)

    def under(self, label, controls):
        return Change(f"{self.label} under {label}", f"{self.text} under {label}", self.send_with, controls)


class Outcome:
    """What a change came to that is more than one request."""

    def __init__(self, code, said):
        self.code, self.said = code, said


def encoded(value):
    return value if isinstance(value, bytes) else value.encode()
