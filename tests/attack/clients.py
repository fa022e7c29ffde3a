"""Just enough LDAP and RADIUS to ask one thing and to wait for its answer, with next to nothing of its own in the time
that takes."""
import hashlib, hmac, os, socket, struct, time


def element(tag, *parts):
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    return bytes([tag, 0x83]) + length.to_bytes(3, "big") + content


def text(value):
    return element(0x04, value if isinstance(value, bytes) else value.encode())


def number(value, tag=0x02):
    return element(tag, bytes([value]))


def equality(attribute, value):
    return element(0xa3, text(attribute), text(value))


def negation(part):
    return element(0xa2, part)


def beginning(attribute, value):
    return element(0xa4, text(attribute), element(0x30, element(0x80, value.encode())))


def search(base, found, scope=2, attributes=("1.1",)):
    wanted = element(0x30, *map(text, attributes))
    return element(0x63, text(base), number(scope, 0x0a), number(0, 0x0a), number(0), number(0), number(0, 0x01), found,
                   wanted)


def compare(dn, attribute, value):
    return element(0x6e, text(dn), element(0x30, text(attribute), text(value)))


def modify(dn, kind, attribute, *values):
    change = element(0x30, number(kind, 0x0a), element(0x30, text(attribute), element(0x31, *map(text, values))))
    return element(0x66, text(dn), element(0x30, change))


def delete(dn):
    return element(0x4a, dn.encode())


def bind(dn, pin):
    return element(0x60, number(3), text(dn), element(0x80, pin.encode()))


def assertion(found):
    return element(0x30, text("1.3.6.1.1.12"), element(0x01, b"\xff"), text(found))


def length_of(answer):
    """How many bytes the message at the start of `answer` has; None if that is not there yet."""
    if len(answer) < 6:
        return None
    first = answer[1]
    if first < 0x80:
        return 2 + first
    octets = first & 0x7f
    return 2 + octets + int.from_bytes(answer[2:2 + octets], "big")


class Ldap:
    """One connection, one request at a time."""

    def __init__(self, port, dn=None, pin=None):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if dn and self.ask(bind(dn, pin))[1] != 0:
            raise SystemExit(f"{dn} cannot log in")

    def ask(self, operation, controls=b""):
        """The nanoseconds to the last byte of the answer, and its result code."""
        request = element(0x30, number(1), operation, element(0xa0, controls) if controls else b"")
        answer = b""
        began = time.perf_counter_ns()
        self.socket.sendall(request)
        while True:
            part = self.socket.recv(1 << 20)
            if not part:
                raise SystemExit("the server has closed the connection")
            answer += part
            code = last_code(answer)
            if code is not None:
                return time.perf_counter_ns() - began, code


def last_code(answer):
    """The result code of the last message, once it is there and is no entry."""
    while answer:
        length = length_of(answer)
        if length is None or len(answer) < length:
            return None
        message, answer = answer[:length], answer[length:]
    head = 2 + (message[1] & 0x7f if message[1] >= 0x80 else 0)
    tag = message[head + 3]
    if tag == 0x64:
        return None
    body = head + 4
    body += 1 + (message[body] & 0x7f if message[body] >= 0x80 else 0)
    return message[body + 2]


class Radius:
    """One socket that asks for one person after the other."""

    def __init__(self, port, secret):
        self.secret = secret.encode()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.socket.settimeout(30)
        self.id = 0

    def ask(self, name, pin):
        """The nanoseconds to the answer, and its code."""
        self.id = (self.id + 1) % 256
        authenticator = os.urandom(16)
        padded = pin.encode().ljust(16, b"\0")
        hidden = bytes(a ^ b for a, b in zip(padded, hashlib.md5(self.secret + authenticator).digest()))
        attributes = attribute(1, name.encode()) + attribute(2, hidden)
        length = 20 + len(attributes) + 18
        head = struct.pack("!BBH", 1, self.id, length) + authenticator
        blank = head + attribute(80, bytes(16)) + attributes
        sealed = hmac.new(self.secret, blank, hashlib.md5).digest()
        request = head + attribute(80, sealed) + attributes
        began = time.perf_counter_ns()
        self.socket.send(request)
        answer = self.socket.recv(4096)
        return time.perf_counter_ns() - began, answer[0]


def attribute(kind, value):
    return bytes([kind, len(value) + 2]) + value
