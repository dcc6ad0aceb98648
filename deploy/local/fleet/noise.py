"""Noise that depends on its seed and its index only, so that any stretch of it can be repeated."""

import numpy as np

from deploy.local.fleet.clock import Instants, Values

_GOLDEN = 0x9E3779B97F4A7C15  # splitmix64, Steele, Lea and Flood 2014
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_DRAWS = 4


def uniform(seed: int, index: Instants) -> Values:
    """Return numbers evenly spread over [0, 1)."""
    state = index.astype(np.uint64) * np.uint64(_GOLDEN)
    state += np.uint64((seed * 0xD1B54A32D192ED03) % 2**64)
    state = (state ^ (state >> np.uint64(30))) * _FIRST
    state = (state ^ (state >> np.uint64(27))) * _SECOND
    state ^= state >> np.uint64(31)
    drawn: Values = (state >> np.uint64(11)).astype(np.float64) / 2.0**53
    return drawn


def normal(seed: int, index: Instants) -> Values:
    """Return nearly normal numbers of mean 0 and spread 1, never beyond 3.5."""
    drawn = np.zeros(len(index))
    for draw in range(_DRAWS):
        drawn += uniform(seed, index * _DRAWS + draw)
    centred: Values = (drawn - _DRAWS / 2) * (12 / _DRAWS) ** 0.5
    return centred


def smooth(seed: int, index: Instants, apart: int) -> Values:
    """Return noise that moves slowly, from knot to knot so many indexes apart."""
    knots, between = np.divmod(index, apart)
    share = between / apart
    return normal(seed, knots) * (1 - share) + normal(seed, knots + 1) * share
