"""Starts and stops the servers that the interop and bench scripts set side by side.

Every server runs in a folder of its own, on loopback ports, in the foreground, and is stopped by its own pid.
"""
import os, pathlib, shutil, socket, subprocess, time

SUFFIX = "dc=uni,dc=example"
ROOT_DN = f"cn=admin,{SUFFIX}"
ROOT_PIN = "interop-admin-1"
SECRET = "testing123-testing123-long"


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, what, seconds=60):
    """Waits until `condition` is true; a server that never answers is an error, not a hang."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.01)
    raise SystemExit(f"{what} did not answer within {seconds} s")


def tcp_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Server:
    """A server process; `with` stops it."""

    def start(self, command, **more):
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, **more)
        self.pid = self.process.pid

    def is_alive(self):
        """True; that it has ended is an error, which waiting would not mend."""
        if self.process.poll() is not None:
            raise SystemExit(f"{self.process.args[0]} has ended: {(self.folder / 'log').read_text()}")
        return True

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


SLAPD_CONF = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
{schema}
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload argon2
pidfile {folder}/pid
sizelimit unlimited
threads {threads}
allow bind_anon_cred
database mdb
maxsize 34359738368
suffix "{suffix}"
rootdn "{root_dn}"
rootpw {root_pin}
directory {folder}/db
index objectClass eq
index uid,employeeNumber eq
index mail,cn,sn eq,sub
{more}
"""


class Slapd(Server):
    """OpenLDAP's slapd with the people of an LDIF file."""

    def __init__(self, folder, ldif, schema="", more="", threads=16):
        self.folder = pathlib.Path(folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "db").mkdir(parents=True)
        self.port = free_port()
        conf = SLAPD_CONF.format(folder=self.folder, suffix=SUFFIX, root_dn=ROOT_DN, root_pin=ROOT_PIN,
                                 schema=schema, more=more, threads=threads)
        (self.folder / "slapd.conf").write_text(conf)
        began = time.monotonic()
        subprocess.run(["slapadd", "-q", "-f", self.folder / "slapd.conf", "-l", ldif], check=True)
        self.load_s = time.monotonic() - began
        self.launch()

    def launch(self):
        self.start(["slapd", "-d", "0", "-f", self.folder / "slapd.conf", "-h", f"ldap://127.0.0.1:{self.port}"])
        wait_for(lambda: tcp_open(self.port), "slapd")


RADIUSD_CONF = """
prefix = /usr
name = bench
confdir = {folder}
raddbdir = {folder}
run_dir = {folder}
db_dir = {folder}
logdir = {folder}
libdir = /usr/lib/freeradius
pidfile = {folder}/pid
max_requests = 65536
hostname_lookups = no
log {{
    destination = files
    file = {folder}/radius.log
    auth = no
}}
security {{
    max_attributes = 200
    reject_delay = 0
    status_server = yes
}}
client localhost {{
    ipaddr = 127.0.0.1
    secret = {secret}
    require_message_authenticator = yes
}}
thread pool {{
    start_servers = 4
    max_servers = 32
    min_spare_servers = 2
    max_spare_servers = 10
    max_requests_per_server = 0
    auto_limit_acct = no
}}
modules {{
{modules}
}}
server default {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {port}
    }}
{sections}
}}
"""
# People of a users file, PAP only.
FILE_MODULES = """
pap {
    normalise = yes
}
files {
    usersfile = ${confdir}/users
    key = "%{User-Name}"
}
"""
FILE_SECTIONS = """
authorize {
    files
    pap
}
authenticate {
    Auth-Type PAP {
        pap
    }
}
"""


class FreeRadius(Server):
    """FreeRADIUS, with the people of a users file or what else its modules and sections say."""

    def __init__(self, folder, users=None, modules=FILE_MODULES, sections=FILE_SECTIONS):
        self.folder = pathlib.Path(folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.port = free_port(socket.SOCK_DGRAM)
        if users:
            shutil.copy(users, self.folder / "users")
        (self.folder / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
        (self.folder / "radiusd.conf").write_text(RADIUSD_CONF.format(
            folder=self.folder, secret=SECRET, port=self.port, modules=modules, sections=sections))
        self.launch()

    def launch(self):
        self.start(["freeradius", "-f", "-d", str(self.folder), "-n", "radiusd"])
        wait_for(lambda: self.is_alive() and radius_answers(self.port), "FreeRADIUS")


def radius_answers(port):
    """Whether a RADIUS server answers Status-Server on `port`."""
    asked = subprocess.run(["radclient", "-q", "-r", "1", "-t", "1", f"127.0.0.1:{port}", "status", SECRET],
                           input=b"Message-Authenticator = 0x00\n", capture_output=True)
    return asked.returncode == 0


BEADLE_CONF = """
base_dn = "{suffix}"
[store]
path = "{folder}/store"
[ldap]
listen = ["127.0.0.1:{port}"]
listen_tls = ["127.0.0.1:{tls_port}"]
listen_ldapi = ["{folder}/ldapi"]
cleartext_bind_from = ["127.0.0.0/8"]
[ldap.root]
dn = "{root_dn}"
password_hash = "{root_hash}"
[radius]
listen = ["127.0.0.1:{radius_port}"]
accounting_listen = []
reject_delay_ms = 0
[[radius.client]]
name = "localhost"
network = "127.0.0.0/8"
secret = "{secret}"
service = "vpn"
[web]
admin_listen = []
{more}
"""


class Beadle(Server):
    """The real binary with the people of an LDIF file."""

    def __init__(self, binary, folder, ldif, more="", environment=None):
        self.binary, self.environment = binary, environment
        self.folder = pathlib.Path(folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.port, self.tls_port, self.radius_port = free_port(), free_port(), free_port(socket.SOCK_DGRAM)
        hashed = subprocess.run([binary, "hash"], input=ROOT_PIN + "\n", text=True, capture_output=True, check=True)
        self.config = self.folder / "beadle.toml"
        self.config.touch(0o600)
        self.config.write_text(BEADLE_CONF.format(
            folder=self.folder, suffix=SUFFIX, root_dn=ROOT_DN, root_hash=hashed.stdout.strip(), port=self.port,
            tls_port=self.tls_port, radius_port=self.radius_port, secret=SECRET, more=more))
        began = time.monotonic()
        subprocess.run([binary, "import", "--config", self.config, ldif], check=True, stdout=subprocess.DEVNULL)
        self.load_s = time.monotonic() - began
        self.launch()

    def launch(self):
        self.start([self.binary, "serve", "--config", self.config],
                   env={**os.environ, **(self.environment or {})})
        wait_for(lambda: tcp_open(self.port), "beadle")
