"""Controls that go with random changes."""
from ldap.controls import RequestControl
from ldap.controls.libldap import AssertionControl
from ldap.controls.readentry import PostReadControl, PreReadControl
from ldap.controls.simple import ManageDSAITControl

PERMISSIVE = "1.2.840.113556.1.4.1413"


def reading(self, kind):
    """A control that reads the entry: with which attributes."""
    return kind(self.chance.random() < 0.8, self.chance.choice(
        [["*"], ["sn", "description", "member"], ["1.1"], ["noSuchAttribute", "cn"], ["objectClass", "description;lang-de"]]))


# Each takes the changes so far: label, controls.
CONTROLS = [
    lambda self: ("an assertion that is true", [AssertionControl(True, "(objectClass=*)")]),
    lambda self: ("an assertion that is false", [AssertionControl(True, "(uid=nobody has this)")]),
    lambda self: ("an assertion that is undefined", [AssertionControl(True, "(noSuchAttribute=x)")]),
    lambda self: ("an assertion of not undefined", [AssertionControl(True, "(!(noSuchAttribute=x))")]),
    # The suffix meets these too, of which slapd's overlay for unique values asks what is asserted of the entry.
    lambda self: ("an assertion that some meet", [AssertionControl(True, "(!(sn=a*))")]),
    lambda self: ("an assertion that some meet", [AssertionControl(True, "(|(dc=uni)(mail=*))")]),
    lambda self: ("permissive modify", [RequestControl(PERMISSIVE, True)]),
    lambda self: ("permissive modify", [RequestControl(PERMISSIVE, False)]),
    lambda self: ("ManageDsaIT", [ManageDSAITControl(self.chance.random() < 0.5)]),
    lambda self: ("pre-read", [reading(self, PreReadControl)]),
    lambda self: ("post-read", [reading(self, PostReadControl)]),
    lambda self: ("both reads", [reading(self, PreReadControl), reading(self, PostReadControl)]),
    lambda self: ("an unknown control", [RequestControl("1.2.3.4.5", self.chance.random() < 0.5, b"x")]),
    lambda self: ("a control twice", [ManageDSAITControl(True), ManageDSAITControl(True)]),
]
