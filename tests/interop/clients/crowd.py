"""A lecture hall logs in at once where hardly anybody may wait: who has no luck is not told that the PIN is wrong.

Dovecot is not here: it asks for one bind after the other.
"""
import collections, concurrent.futures

import apache, campus as at, freeradius

SLOW = "[hashing]\nthreads = 1\nqueue_max = 1\niterations = 6\nverified_cache_s = 0\n"


def check(campus, checks):
    campus.start_again_with(SLOW)
    with apache.Apache(campus) as web:
        crowd(checks, "Apache", lambda uid: web.ask("valid", uid)[0], 200, lambda said: said == 500)
    with freeradius.server(campus, "freeradius", "membership_attribute = 'memberOf'") as radius:
        crowd(checks, "FreeRADIUS", lambda uid: freeradius.answer(radius, uid), "Access-Accept",
              lambda said: freeradius.NO_ANSWER in said)


def crowd(checks, client, log_in, let_in, is_sent_back):
    """All students at once, until somebody has been let in and somebody sent back."""
    said = collections.Counter()

    def come():
        with concurrent.futures.ThreadPoolExecutor(len(at.STUDENTS)) as pool:
            said.update(pool.map(log_in, at.STUDENTS))
        return said[let_in] and any(map(is_sent_back, said))

    checks.eventually(f"{client} lets some in and sends others back", come)
    others = [words for words in said if words != let_in and not is_sent_back(words)]
    checks.equal(f"{client} tells nobody that the PIN is wrong", others, [])
