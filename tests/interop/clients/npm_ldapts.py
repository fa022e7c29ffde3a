"""npm's ldapts: the checks are in npm_ldapts.mjs."""
import pathlib, shutil

import programs, registries

FOLDER = registries.npm()


def check(campus, checks):
    # Node.js looks for packages where the program is.
    program = shutil.copy(pathlib.Path(__file__).with_suffix(".mjs"), FOLDER)
    programs.run(campus, checks, "node", program)
