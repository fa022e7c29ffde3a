#!/usr/bin/env python3
"""Clients of other makers log in at beadle, read its people and groups, and fail in the right way.

run.py BEADLE [--only NAME,...]     exits 1 if a check failed

Each client is a file of its name in this folder: `check(campus, checks)` sets it up as an administrator would, for a
campus of its own. The last line is `N passed, N failed`.
"""
import argparse, importlib, pathlib, subprocess, sys, tempfile, traceback

from campus import Campus
from checks import Checks

# Client, and the Debian packages that it needs.
CLIENTS = {
    "ldap_utils": "ldap-utils",
    "php_ldap": "php-cli php-ldap",
    "net_ldap": "libio-socket-ssl-perl libnet-ldap-perl",
    "dovecot": "dovecot-imapd dovecot-ldap",
    "apache": "apache2",
    "freeradius": "freeradius freeradius-ldap freeradius-utils",
    "nslcd": "util-linux",
    "sssd": "util-linux",
}
ROOT = pathlib.Path(__file__).resolve().parents[3]


def check(binary, client):
    checks = Checks(client)
    with tempfile.TemporaryDirectory(prefix=f"beadle-{client}-") as folder, Campus(binary, folder) as campus:
        # Daemons that give up root's rights come here too.
        pathlib.Path(folder).chmod(0o755)
        try:
            importlib.import_module(client).check(campus, checks)
        except (Exception, SystemExit):
            checks.that("the whole of it runs to its end", False, traceback.format_exc())
        if checks.failed:
            tell_logs(folder)
    return checks


def tell_logs(folder):
    for path in sorted(path for path in pathlib.Path(folder).rglob("*log") if path.is_file()):
        print(f"{path.relative_to(folder)}:\n{path.read_text(errors='replace')}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--only", default=",".join(CLIENTS))
    options = parser.parse_args()
    clients = options.only.split(",")
    if unknown := set(clients) - CLIENTS.keys():
        parser.error(f"no such client: {', '.join(sorted(unknown))}; there are {', '.join(CLIENTS)}")
    packages = sorted({package for client in clients for package in CLIENTS[client].split()})
    subprocess.run([ROOT / "scripts/packages", *packages], check=True)
    results = [check(str(pathlib.Path(options.binary).resolve()), client) for client in clients]
    failed = sum(result.failed for result in results)
    print(f"{sum(result.passed for result in results)} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
