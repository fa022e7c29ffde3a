"""Perl's Net::LDAP: the checks are in net_ldap.pl."""
import pathlib

import programs


def check(campus, checks):
    programs.run(campus, checks, "/usr/bin/perl", pathlib.Path(__file__).with_suffix(".pl"))
