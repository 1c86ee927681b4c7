"""What `sluice gen --ledger` says it sent: one JSON line a record, with XXH64 of the value's bytes."""
import collections
import json

MASK = (1 << 64) - 1
P1, P2, P3, P4, P5 = (11400714785074694791, 14029467366897019727, 1609587929392839161, 9650029242287828579,
                      2870177450012600261)


def _rotate(value, by):
    return (value << by | value >> (64 - by)) & MASK


def _round(state, lane):
    return _rotate((state + lane * P2) & MASK, 31) * P1 & MASK


def xxh64(data):
    """XXH64, seed 0, so that the check does not rest on the program's own code."""
    at, size = 0, len(data)
    lane = lambda i, n=8: int.from_bytes(data[i:i + n], "little")
    if size >= 32:
        states = [(P1 + P2) & MASK, P2, 0, (-P1) & MASK]
        while at + 32 <= size:
            states = [_round(state, lane(at + 8 * i)) for i, state in enumerate(states)]
            at += 32
        result = sum(_rotate(state, by) for state, by in zip(states, (1, 7, 12, 18))) & MASK
        for state in states:
            result = ((result ^ _round(0, state)) * P1 + P4) & MASK
    else:
        result = P5
    result = (result + size) & MASK
    while at + 8 <= size:
        result = (_rotate(result ^ _round(0, lane(at)), 27) * P1 + P4) & MASK
        at += 8
    if at + 4 <= size:
        result = (_rotate(result ^ lane(at, 4) * P1 & MASK, 23) * P2 + P3) & MASK
        at += 4
    for byte in data[at:]:
        result = _rotate(result ^ byte * P5 & MASK, 11) * P1 & MASK
    for shift, prime in ((33, P2), (29, P3), (32, 1)):
        result = (result ^ result >> shift) * prime & MASK
    return result


def value_hash(value):
    return "" if value is None else f"{xxh64(value):016x}"


def read(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines]


def check_values(path, values):
    """Every record of the ledger is in `values` (bytes or None) exactly once, and nothing else is."""
    want = collections.Counter(record["hash"] for record in read(path))
    have = collections.Counter(value_hash(value) for value in values)
    lost, extra = want - have, have - want
    assert not lost and not extra, f"{sum(lost.values())} records are missing, {sum(extra.values())} are too many"


def paid(path):
    """(key, amount) of the records whose amount is above zero."""
    return collections.Counter((r["key"], r["amount"]) for r in read(path) if r["amount"] is not None and r["amount"] > 0)
