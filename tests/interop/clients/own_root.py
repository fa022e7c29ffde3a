"""A root of its own for what takes part in a machine's log-ins: this machine's files below, everything new above.

Nothing that is installed, configured or started there is seen outside, and nothing of it is left.
"""
import os, pathlib, signal, subprocess

import peers

# Where root's shell mounts: what is written goes to memory, and this machine's /proc, users and PAM stay as they are.
MOUNT = """
set -e
mount -t tmpfs tmpfs {room}
mkdir {room}/written {room}/work {room}/root
mount -t overlay overlay -o lowerdir=/,upperdir={room}/written,workdir={room}/work {room}/root
for folder in {shared}; do
    mkdir -p {room}/root$folder
    mount --bind $folder {room}/root$folder
done
mount -t proc proc {room}/root/proc
mount --rbind /dev {room}/root/dev
printf '#!/bin/sh\\nexit 101\\n' >{room}/root/usr/sbin/policy-rc.d
chmod 755 {room}/root/usr/sbin/policy-rc.d
exec chroot {room}/root sh -c 'touch /ready && exec sleep infinity'
"""
# With what an earlier run has fetched, if that is still right.
INSTALL = """
export DEBIAN_FRONTEND=noninteractive
install() {{
    apt-get install -y -qq --no-install-recommends -o Dir::Cache::archives={debs} {packages}
}}
install || {{ apt-get update -qq && install; }}
"""
# Somebody who is neither root nor a member.
GUEST = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


class OwnRoot(peers.Server):
    def __init__(self, campus):
        if os.geteuid() != 0:
            raise SystemExit("a root of its own needs root's rights: run scripts/clients as root")
        self.folder = campus.folder / "own-root"
        room, self.debs = self.folder / "room", pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target")).resolve() / "debs"
        room.mkdir(parents=True)
        (self.debs / "partial").mkdir(parents=True, exist_ok=True)
        script = MOUNT.format(room=room, shared=f"{campus.folder} {self.debs}")
        self.start(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "sh", "-c", script])
        peers.wait_for(lambda: self.is_alive() and self.is_ready(), "a root of its own")

    def is_ready(self):
        children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        self.first = children[0] if children else None
        return self.first and self.run(["test", "-e", "/ready"]).returncode == 0

    def stop(self):
        """Ends its first process, and with it all others."""
        if self.process.poll() is None:
            os.kill(int(self.first), signal.SIGKILL) if self.first else self.process.kill()
            self.process.wait(60)
        self.log.close()

    def inside(self, command):
        return ["nsenter", "--target", self.first, "--mount", "--pid", "--root", "--wdns=/", *command]

    def run(self, command, given=""):
        return subprocess.run(self.inside(command), input=given, text=True, capture_output=True,
                              env={**os.environ, "LC_ALL": "C.UTF-8"})

    def install(self, packages, answers=""):
        """Installs Debian packages, with answers to what they ask as debconf-set-selections takes them."""
        self.run(["debconf-set-selections"], given=answers)
        installed = self.run(["sh", "-c", INSTALL.format(debs=self.debs, packages=packages)])
        if installed.returncode:
            raise SystemExit(f"apt-get: {installed.stdout}{installed.stderr}")
        # Who is refused is told so at once, which is two seconds saved each time.
        self.run(["sed", "-i", "s/pam_unix.so nullok/& nodelay/", "/etc/pam.d/common-auth"])

    def write(self, path, text, mode="600"):
        written = self.run(["sh", "-c", f"umask 077; cat >{path} && chmod {mode} {path}"], given=text)
        if written.returncode:
            raise SystemExit(written.stderr)

    def daemon(self, command):
        """A daemon in the root, in the foreground; it ends with the root."""
        return subprocess.Popen(self.inside(command), stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)

    def getent(self, *asked):
        return self.run(["getent", *asked]).stdout.splitlines()

    def su(self, uid, pin, command="id -un"):
        """What a guest sees who becomes `uid` by su: the words of the command, or of the refusal."""
        ran = self.run([*GUEST, "su", uid, "-c", command], given=f"{pin}\n")
        return ran.stdout.strip() if ran.returncode == 0 else ran.stderr.removeprefix("Password: ").strip()
