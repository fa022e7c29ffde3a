"""Checks with names that are sentences, and their number. One that fails says what was found, and the next goes on."""

import time


class Checks:
    def __init__(self, client):
        self.client, self.passed, self.failed = client, 0, 0

    def that(self, sentence, is_so, found=""):
        """`sentence` holds if `is_so`."""
        if is_so:
            self.passed += 1
            print(f"  ok      {self.client}: {sentence}", flush=True)
        else:
            self.failed += 1
            print(f"  FAILED  {self.client}: {sentence}\n          found: {found}", flush=True)

    def equal(self, sentence, found, expected):
        self.that(sentence, found == expected, f"{found!r}, expected: {expected!r}")

    def eventually(self, sentence, condition, seconds=60):
        """`sentence` becomes true: for clients that look by themselves again, and remember what they saw."""
        end = time.monotonic() + seconds
        while not (is_so := condition()) and time.monotonic() < end:
            time.sleep(0.1)
        self.that(sentence, is_so, f"not within {seconds} s")
