"""Clients whose language is not Python: a program beside this file, told in JSON of the campus.

It prints `ok SENTENCE` or `not ok SENTENCE: WHAT WAS FOUND` for each of its checks, and ends with 0 if it came to its end.
"""
import json, os, subprocess

import campus as at


def facts(campus):
    """What a program is told, in the environment variable CAMPUS."""
    ada = at.dn_of("ada")
    return json.dumps({
        "url": campus.url, "tls_url": campus.tls_url, "ca": str(campus.ca), "suffix": at.SUFFIX, "people": at.PEOPLE,
        "groups": at.GROUPS, "root": [at.ROOT_DN, at.ROOT_PIN], "service": [at.SERVICE_DN, at.SERVICE_PIN],
        "groups_of_ada": {
            "member": at.groups_with("member", ada), "uniqueMember": at.groups_with("uniqueMember", ada),
            "memberUid": at.groups_with("memberUid", "ada"), "around": at.groups_around(ada), "memberOf": at.member_of(ada)},
        "pins": {uid: at.pin_of(uid) for uid in at.UIDS}, "students": at.STUDENTS, "entries": len(list(at.entries()))})


def run(campus, checks, *command, folder=None):
    """Runs a program to its end and counts its checks."""
    ended = subprocess.run(command, cwd=folder, env={**os.environ, "CAMPUS": facts(campus)}, text=True,
                           capture_output=True, timeout=120)
    for line in ended.stdout.splitlines():
        words = line.removeprefix("not ").removeprefix("ok ")
        checks.that(*words.split(": ", 1)[:1], line.startswith("ok "), words)
    checks.that("the program says nothing else, and comes to its end", (ended.returncode, ended.stderr) == (0, ""),
                f"exit code {ended.returncode}: {ended.stderr}")
