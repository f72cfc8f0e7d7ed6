"""``right_cells/1``: a set is accepted exactly if the network is right on all of it, and every forgery is refused."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from typing import Any

import pytest
from loss_certificates import numbers, table
from set_certificates import advice, certificate, members

MODELS = [
    lambda emitter: emitter.pulled_model(0, 4, 3, 0.3),
    lambda emitter: emitter.random_model(5, 3, 4, 2, 3, False),
    lambda emitter: emitter.tied_model(1, 3, 3),
    lambda emitter: emitter.random_model(7, 4, 1, 3, 2, True),
    lambda emitter: emitter.pulled_model(2, 5, 2, 0.5),
]


def subsets(m: int, n: int) -> list[tuple[int, ...]]:
    """The sets N that are not empty, for n = 0 none."""
    if not n:
        return [()]
    return [some for size in range(1, m + 1) for some in itertools.combinations(range(m), size)]


@pytest.mark.parametrize("make", MODELS)
def test_exactly_the_right_sets_are_accepted(emitter: Any, judge: Any, make: Any) -> None:
    """Every set of every cell, each in a certificate of its own: verified if and only if each member is right."""
    model = make(emitter)
    codes: Counter[str | None] = Counter()
    for m in range(model.V):
        for q in range(m + 1):
            for n in range(model.K - (q < m)):
                for tokens in subsets(m, n):
                    each = members(model.K, q, m, n, tokens)
                    found = judge(model, certificate(emitter, model, advice(model, {(q, m, n): tokens}), len(each)))
                    assert (found.code is None) == all(map(model.right, each)), (q, m, n, tokens, found.line)
                    assert found.code in (None, "E237")
                    codes[found.code] += 1
    assert codes["E237"] and codes[None]


@pytest.fixture(scope="module")
def model(emitter: Any) -> Any:
    return emitter.pulled_model(0, 4, 3, 0.3)


@pytest.fixture(scope="module")
def largest(model: Any) -> dict[tuple[int, int, int], tuple[int, ...]]:
    """For every (q, m, n) a largest set of right tokens."""
    found = {}
    for m in range(model.V):
        for q in range(m + 1):
            for n in range(model.K - (q < m)):
                right = [t for t in subsets(m, n) if all(map(model.right, members(model.K, q, m, n, t)))]
                if right:
                    found[q, m, n] = max(right, key=len)
    return found


def count(model: Any, sets: Any) -> int:
    """The members of all sets."""
    return sum(len(members(model.K, q, m, n, tokens)) for (q, m, n), tokens in sets.items())


def test_sets_add_up(emitter: Any, judge: Any, model: Any, largest: Any) -> None:
    """Sets of all cells at once: their number, by any number of processes, and not one more."""
    low = count(model, largest)
    given = certificate(emitter, model, advice(model, largest), low)
    found = judge(model, given)
    assert found.status == "VERIFIED" and found.right_low == low <= model.truth()
    assert judge(model, given, jobs=3) == found
    found = judge(model, certificate(emitter, model, advice(model, largest), low + 1))
    assert (found.code, found.exit_code) == ("E216", 1)
    high = certificate(emitter, model, advice(model, largest), low)
    for step in (*high["derivations"][2:], high):
        (step["conclusion"] if "conclusion" in step else step["relation"])["right_high"] = hex(model.V**model.K - 1)
    assert judge(model, high).code == "E216"


def test_one_token_too_many(emitter: Any, judge: Any, model: Any, largest: Any) -> None:
    """Where not all tokens are right, one more is refused by the cell and its number of tokens."""
    tried = 0
    for (q, m, n), tokens in largest.items():
        for more in set(range(m)) - set(tokens):
            sets = largest | {(q, m, n): (*tokens, more)}
            if n and not all(map(model.right, members(model.K, q, m, n, sets[q, m, n]))):
                found = judge(model, certificate(emitter, model, advice(model, sets), 0))
                assert (found.code, f"({q}, {m}), {n} other" in found.line) == ("E237", True), found.line
                tried += 1
    assert tried


def spoiled(given: list[Any], K: int) -> list[tuple[str, str, list[Any]]]:
    """Sets that are not as they must be: a name, the code, the sets."""
    found = []

    def change(name: str, code: str, m: int, change: Any) -> None:
        sets = [[text, [list(entry) for entry in rest]] for text, rest in given]
        sets[m] = change(numbers(sets[m][0]), sets[m][1])
        found.append((name, code, sets))

    def entry(place: int, value: int) -> Any:
        return lambda t, rest: [table([*t[:place], value, *t[place + 1 :]]), rest]

    change("a token that is the maximum", "E236", 2, entry(2 * K + 1, 3))
    change("more tokens than there are", "E236", 2, entry(2 * K + 2, 65535))
    change("two tokens where there is none", "E236", 2, entry(2 * K, 2))
    change("no place for the maximum", "E236", 2, entry(0 * K + K - 1, 1))
    change("a table too short", "E216", 2, lambda t, rest: [table(t[:-1]), rest])
    change("a table too long", "E216", 2, lambda t, rest: [table([*t, 0]), rest])
    nothing = [0] * (3 * K)
    for name, rest in (
        ("the maximum as another token", [[2, 1, "0x4"]]),
        ("a token beyond the vocabulary", [[2, 1, hex(1 << 70)]]),
        ("no tokens", [[2, 1, "0x0"]]),
        ("negative bits", [[2, 1, "-0x2"]]),
        ("a query above the maximum", [[3, 1, "0x2"]]),
        ("a negative query", [[-1, 1, "0x2"]]),
        ("no other tokens", [[2, 0, "0x2"]]),
        ("more positions than there are", [[2, K, "0x2"]]),
        ("negative positions", [[2, -1, "0x2"]]),
        ("a set twice", [[2, 1, "0x2"], [2, 1, "0x2"]]),
        ("two overlapping sets", [[2, 1, "0x2"], [2, 1, "0x3"]]),
        ("out of order", [[2, 1, "0x2"], [1, 1, "0x2"]]),
    ):
        code = "E111" if name == "negative bits" else "E236"
        change(name, code, 2, lambda t, _, rest=rest: [table(nothing), rest])
    change(
        "a set in both",
        "E236",
        2,
        lambda t, _: [table([*nothing[: 2 * K + 1], 1, *nothing[2 * K + 2 :]]), [[2, 1, "0x2"]]],
    )
    found.append(("a maximum too few", "E216", given[:-1]))
    found.append(("a maximum too many", "E216", [*given, given[0]]))
    return found


def test_malformed_sets(emitter: Any, judge: Any, model: Any) -> None:
    """Sets that do not exist, stand twice or overlap are refused, however little is claimed of them."""
    for name, code, sets in spoiled(advice(model, {}), model.K):
        found = judge(model, certificate(emitter, model, sets, 0))
        assert found.code == code, (name, found.line)
        assert "no sequences" in found.line or code != "E236"


def test_any_change_of_a_certificate(emitter: Any, judge: Any, model: Any, largest: Any) -> None:
    """Bytes changed at random: never the catch-all, and whatever is still verified is still true."""
    given = emitter.text(certificate(emitter, model, advice(model, largest), count(model, largest)))
    truth, rng = model.truth(), random.Random(0)
    for _ in range(300):
        text = bytearray(given)
        text[rng.randrange(len(text))] = rng.choice(b'0123456789abcdefAQgw=+/"[]{},')
        found = judge(model, bytes(text))
        assert found.code != "E245" and (found.exit_code or found.right_low <= truth), bytes(text)
