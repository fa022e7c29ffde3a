"""Clients that Debian does not package: PyPI's and npm's, in exactly the versions and with the hashes named in this folder.

What is installed goes below the folder of build products, once for each list of versions.
"""
import hashlib, os, pathlib, re, shutil, subprocess, sys

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE.parents[2] / "target")) / "clients"
# What pip and npm say when nobody answers.
SILENCE = re.compile("Retrying \\(Retry|npm (ERR!|error) code (E(AI_AGAIN|CONN[A-Z]+|NET[A-Z]+|HOSTUNREACH|TIMEDOUT|NOTFOUND)"
                     "|ERR_SOCKET_TIMEOUT)")


class NotReached(Exception):
    """A registry does not answer: what it has cannot be run here."""


def run(registry, *command, folder=None):
    ended = subprocess.run([str(word) for word in command], cwd=folder, text=True, capture_output=True)
    if ended.returncode == 0:
        return
    if SILENCE.search(ended.stderr):
        raise NotReached(f"{registry} was not reached")
    raise SystemExit(f"{' '.join(ended.args)}:\n{ended.stdout}{ended.stderr}")


def installed(name, lists, install):
    """The folder of what `install(folder)` makes, made anew where one of `lists` is not what it was."""
    folder = CACHE / name
    known = hashlib.sha256(sys.version.encode() + b"".join(path.read_bytes() for path in lists)).hexdigest()
    stamp = folder / "installed"
    if not stamp.exists() or stamp.read_text() != known:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        install(folder)
        stamp.write_text(known)
    return folder


def pypi():
    """The folder of PyPI's packages, to put into `sys.path`."""
    tools, packages = HERE / "pypi" / "tools.txt", HERE / "pypi" / "packages.txt"

    def install(folder):
        run("PyPI", "/usr/bin/python3", "-m", "venv", folder)
        pip = folder / "bin/pip", "install", "--quiet", "--retries", 1, "--timeout", 20, "--require-hashes"
        run("PyPI", *pip, "-r", tools)
        # With the tools above, not with whatever is newest.
        run("PyPI", *pip, "--no-build-isolation", "-r", packages)

    return next(installed("pypi", [tools, packages], install).glob("lib/python3*/site-packages"))


def npm():
    """The folder with `node_modules`."""
    lists = [HERE / "npm" / name for name in ("package.json", "package-lock.json")]

    def install(folder):
        for path in lists:
            shutil.copy(path, folder)
        run("npm's registry", "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1",
            "--fetch-timeout=20000", folder=folder)

    return installed("npm", lists, install)
