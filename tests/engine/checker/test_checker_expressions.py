"""Expressions of tasks, random and odd ones: prover and checker spell, evaluate and refuse the same."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from mechproof.engine.checker.errors import Failure
from mechproof.engine.checker.networks.expression import read_expression
from mechproof.engine.errors import MechproofError
from mechproof.models.tasks.expression import parse

TOKENS = np.array(list(itertools.product(range(4), repeat=3)))
NUMBERS = (0, 1, 2, 3, 7, 10**9, 10**10, 2**60, 2**61 - 1, 2**61, 2**62, 2**70)
OPERATORS = ("+", "-", "*", "//", "%", "<", "<=", ">", "==", "!=", "and", "or", "/", "**")
ODD = (
    "len(t)",
    "True",
    "1.0",
    "1_000",
    "0x1",
    "01",
    "t",
    '"a"',
    "1e3",
    "t [0]",
    "t[-1]",
    "t[0][1]",
    "max()",
    "sum(t, 1)",
)


def drawn(chance: random.Random, depth: int) -> str:
    """A text that is an expression, mostly."""

    def part() -> str:
        return drawn(chance, depth - 1)

    match chance.randrange(14) if depth else chance.choice([0, 1]):
        case 0:
            return str(chance.choice(NUMBERS))
        case 1 | 2:
            return f"t[{chance.choice([0, 1, 2])}]"
        case 3 | 4 | 5 | 6 | 7:
            return f"{part()} {chance.choice(OPERATORS[: 14 if chance.random() < 0.1 else 12])} {part()}"
        case 8:
            return f"({part()})"
        case 9:
            return f"-{part()}"
        case 10:
            return f"not {part()}"
        case 11:
            return f"{part()} if {part()} else {part()}"
        case 12:
            name, parts = chance.choice(["max", "min", "abs", "sum"]), [part() for _ in range(chance.choice([1, 2, 3]))]
            return f"{name}({', '.join(parts)})"
    return chance.choice(["max(t)", "min(t)", "sum(t)", *ODD])


def by_prover(text: str) -> tuple[str, list[int] | None] | None:
    """The spelling, and the values on all tokens; None for what is refused."""
    try:
        expression = parse(text)
    except MechproofError:
        return None
    if expression.positions > 3:
        return None
    try:
        return expression.text, expression(TOKENS)[:, 0].tolist()
    except MechproofError:
        return expression.text, None


def by_checker(text: str) -> tuple[str, list[int] | None] | None:
    """The same."""
    try:
        spelled, value = read_expression(text, 3)
    except Failure:
        return None
    try:
        return spelled, [int(value(t)) for t in TOKENS.tolist()]
    except Failure:
        return spelled, None


@pytest.mark.parametrize("seed", [*range(2), *(pytest.param(seed, marks=pytest.mark.ci) for seed in range(2, 20))])
def test_random_expressions(seed):
    """Three hundred of up to four levels, numbers of every size and stray characters included."""
    chance = random.Random(seed)
    read = 0
    for _ in range(300):
        text = drawn(chance, chance.choice([1, 2, 3, 4]))
        if chance.random() < 0.03:
            at = chance.randrange(len(text) + 1)
            text = text[:at] + chance.choice("()t0 ,if\n\t#;") + text[at:]
        assert by_prover(text) == by_checker(text), text
        read += by_prover(text) is not None
    assert 50 < read < 250


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("2305843009213693951 > t[0]", False),
        ("2305843009213693952 > t[0]", True),
        ("(1152921504606846976 + 1152921504606846975) > t[0]", False),
        ("(1152921504606846976 + 1152921504606846976) > t[0]", True),
        ("0x1 + t[0]", True),
        ("1_000 + t[0]", True),
    ],
)
def test_numbers_at_the_limit(text, refused):
    """2^61 is the first number that is too large, written out or computed; numbers are decimal."""
    own, other = by_prover(text), by_checker(text)
    assert own == other and ((own is None or own[1] is None) == refused)
