"""PHP's extension ldap, as Moodle and other campus software use it: the checks are in php_ldap.php."""
import pathlib

import programs


def check(campus, checks):
    programs.run(campus, checks, "php", pathlib.Path(__file__).with_suffix(".php"))
