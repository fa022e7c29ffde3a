"""Whether two sets of times can be told apart: the rank test of Mann and Whitney.

Ranks and not means, for a time on a busy machine has a long tail, and whoever guesses sorts, too.
"""
import bisect, math

# How far from 0.5 the AUC of a pair may be that nobody may tell apart. At 0.6 whoever has one answer of each is right six
# times out of ten instead of five, and that as a neighbour on the same machine, where an answer takes 30 us and its unrest
# is 1 or 2 us. What is left within this band is a look at an entry in memory more or less, a few hundred nanoseconds.
# A network's unrest is some 20 us at the least: to see 0.3 us through it takes about a hundred thousand requests for each
# name or value that is guessed. What differs by work, such as a hash, the hits in an index or a write, is far outside.
BAND = 0.1
# With few samples chance alone leads further: a pair that is the same is taken for different once in 16,000 times.
SIGMAS = 4


def auc(first, second):
    """How often a time of `second` is longer than one of `first`, ties by half: 0.5 if nothing can be told. And its
    standard deviation if both come from the same source, ties counted."""
    n, m = len(first), len(second)
    order = sorted(first)
    below = sum(bisect.bisect_left(order, time) + bisect.bisect_right(order, time) for time in second) / 2
    counts = {}
    for time in first + second:
        counts[time] = counts.get(time, 0) + 1
    total = n + m
    ties = sum(count ** 3 - count for count in counts.values()) / (total * (total - 1))
    return below / (n * m), math.sqrt(max(total + 1 - ties, 0) / (12 * n * m))


def u(first, second):
    """Mann and Whitney's U of `second`."""
    return auc(first, second)[0] * len(first) * len(second)


def sigmas(first, second):
    """How many standard deviations the AUC is from 0.5."""
    found, sigma = auc(first, second)
    return (found - 0.5) / sigma if sigma else 0.0


def band(first, second):
    """How far from 0.5 the AUC may be."""
    return max(BAND, SIGMAS * auc(first, second)[1])


def differ(first, second):
    """Whether they can be told apart."""
    return abs(auc(first, second)[0] - 0.5) > band(first, second)


def noticed(first, second):
    """The least delay that would have been noticed, in the unit of the times: how much longer each time would have to be
    for the AUC to be out of the band by as much as chance may lead, so that it is out of it almost surely."""
    wanted = min(0.5 + band(first, second) + SIGMAS * auc(first, second)[1], 0.99)
    low, high = 0, max(max(first) - min(first), 1)
    while high - low > max(high // 1000, 1):
        delay = (low + high) // 2
        if auc(first, [time + delay for time in first])[0] < wanted:
            low = delay
        else:
            high = delay
    return high
