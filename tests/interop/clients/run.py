#!/usr/bin/env python3
"""Clients of other makers log in at beadle, read its people and groups, and fail in the right way.

run.py BEADLE [--only NAME,...] [--all]     exits 1 if a check failed

Each client is a file of its name in this folder: `check(campus, checks)` sets it up as an administrator would, for a
campus of its own. Where PyPI or npm's registry does not answer, what comes from there is not run; with `--all` that is a
failure. The last line is `N passed, N failed`.
"""
import argparse, importlib, pathlib, shutil, subprocess, sys, tempfile, traceback

from campus import Campus
from checks import Checks
from registries import NotReached

# PyPI's packages are made together.
PYPI = "libldap2-dev libsasl2-dev python3-dev python3-venv"
# Client, and the Debian packages that it needs.
CLIENTS = {
    "ldap_utils": "ldap-utils",
    "php_ldap": "php-cli php-ldap",
    "python_ldap": "python3-ldap",
    "net_ldap": "libio-socket-ssl-perl libnet-ldap-perl",
    "pypi_ldap3": PYPI,
    "pypi_bonsai": PYPI,
    "npm_ldapts": "nodejs npm",
    "dovecot": "dovecot-imapd dovecot-ldap",
    "apache": "apache2",
    "freeradius": "freeradius freeradius-ldap freeradius-utils",
    "crowd": "apache2 freeradius freeradius-ldap freeradius-utils",
    "nslcd": "util-linux",
    "sssd": "util-linux",
}
ROOT = pathlib.Path(__file__).resolve().parents[3]


def check(binary, client, must_run):
    checks = Checks(client)
    module = load(client, checks, must_run)
    if not module:
        return checks
    with tempfile.TemporaryDirectory(prefix=f"beadle-{client}-") as folder, Campus(binary, folder) as campus:
        # Daemons that give up root's rights come here too.
        pathlib.Path(folder).chmod(0o755)
        try:
            module.check(campus, checks)
        except (Exception, SystemExit):
            checks.that("the whole of it runs to its end", False, traceback.format_exc())
        if checks.failed:
            tell_logs(folder)
    return checks


def packages(clients):
    """The Debian packages that are needed. Node.js is often from elsewhere, and then has its npm with it."""
    named = {package for client in clients for package in CLIENTS[client].split()}
    return sorted(named - {tool for tool, program in (("nodejs", "node"), ("npm", "npm")) if shutil.which(program)})


def load(client, checks, must_run):
    """The client's file. None where what it needs is not to be had."""
    try:
        return importlib.import_module(client)
    except NotReached as why:
        if not must_run:
            print(f"  NOT RUN {client}: {why}", flush=True)
            return None
        checks.that("it is installed", False, why)
    except (Exception, SystemExit):
        checks.that("it is installed", False, traceback.format_exc())
    return None


def tell_logs(folder):
    for path in sorted(path for path in pathlib.Path(folder).rglob("*log") if path.is_file()):
        print(f"{path.relative_to(folder)}:\n{path.read_text(errors='replace')}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--only", default=",".join(CLIENTS))
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    clients = options.only.split(",")
    if unknown := set(clients) - CLIENTS.keys():
        parser.error(f"no such client: {', '.join(sorted(unknown))}; there are {', '.join(CLIENTS)}")
    subprocess.run([ROOT / "scripts/packages", *packages(clients)], check=True)
    results = [check(str(pathlib.Path(options.binary).resolve()), client, options.all) for client in clients]
    failed = sum(result.failed for result in results)
    print(f"{sum(result.passed for result in results)} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
