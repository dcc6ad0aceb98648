"""Classes of advisory locks, one enum for the whole product; the second number is the subject."""

from enum import IntEnum


class Lock(IntEnum):
    """What is locked: the first of the two numbers of an advisory lock."""

    ROLLUP = 1  # by enterprise
    EVENTS = 2  # appending to alert_events: the last of all locks
    EVALUATE = 3  # by indicator
    RETENTION = 4
    SLOT = 5  # by the key of a collector's slot, as long as a process has it
    BROKER = 6  # bringing the broker's accounts up to the table
    FACTORS = 7  # entering coefficients, heating values, carbon factors
    OFFICIAL = 8  # entering official figures
