"""Sentences about a network: what kinds there are, and how they are written.

    rank_one(EQKE, residual <= 2.5, strength >= 589)
    increasing(size, step >= 0.0004, except 3..7)
    small(EQKP, <= 2.7)

A kind is a word and what it is said of; its numbers have names and one direction each.  A kind with one number needs no
name for it.  A sentence that states no number stands for the numbers that are proved, one for every token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from .errors import BadExplanation

AT_MOST, AT_LEAST = "<=", ">="
MOST_TOKENS = 1 << 16
_CALL = re.compile(r"\s*(\w+)\s*\(\s*([\w ]+?)\s*(?:,(.*))?\)\s*", re.DOTALL)
_NUMBER = re.compile(
    r"\s*(\w*)\s*(<=|>=)\s*(-?[0-9][0-9_]*(?:\.[0-9]+)?(?:e-?[0-9]{1,3})?|-?[0-9]+/[0-9]+)\s*", re.ASCII
)
_TOKENS = re.compile(r"\s*([0-9]+)(?:\.\.([0-9]+))?\s*", re.ASCII)


@dataclass(frozen=True)
class Number:
    """A number of a sentence: at most it (``<=``), or at least it (``>=``), is what the sentence claims."""

    name: str
    sign: str

    def implied(self, stated: Fraction, true: Fraction) -> bool:
        """Whether the true number makes the stated one true."""
        return true <= stated if self.sign == AT_MOST else true >= stated


@dataclass(frozen=True)
class Kind:
    """``key``: how the sentence begins, such as rank_one(EQKE); ``words``: what it says, for people; ``exceptions``:
    whether it may name tokens of which it says nothing."""

    key: str
    words: str
    numbers: tuple[Number, ...]
    exceptions: bool = False

    def number(self, name: str) -> Number:
        return next(number for number in self.numbers if number.name == name)


@dataclass(frozen=True)
class Sentence:
    """One sentence of an explanation.  ``numbers``: those that it states; ``excepted``: ascending."""

    kind: Kind
    id: str
    text: str = ""
    numbers: Mapping[str, Fraction] = field(default_factory=dict)
    excepted: tuple[int, ...] = ()

    def with_number(self, name: str, number: Fraction) -> Sentence:
        return replace(self, numbers={**self.numbers, name: number})

    @property
    def unquantified(self) -> Sentence:
        """The same without numbers."""
        return replace(self, numbers={})


def parse(text: str, kinds: Mapping[str, Kind], id: str, said: str = "") -> Sentence:
    """The sentence that ``text`` is; raises :class:`~.errors.BadExplanation`.

    >>> kind = Kind("rank_one(EQKE)", "", (Number("residual", "<="),), exceptions=True)
    >>> found = parse("rank_one(EQKE, residual <= 2.5, except 3..5, 9)", {kind.key: kind}, "a")
    >>> found.numbers, found.excepted
    ({'residual': Fraction(5, 2)}, (3, 4, 5, 9))
    >>> parse("rank_one(EQKE, <= 3)", {kind.key: kind}, "a").numbers
    {'residual': Fraction(3, 1)}
    """
    match = _CALL.fullmatch(text)
    known = ", ".join(kinds)
    if match is None:
        raise BadExplanation(id, f"a sentence such as {next(iter(kinds))}", text[:80])
    key = f"{match[1]}({match[2]})"
    if key not in kinds:
        raise BadExplanation(id, f"one of {known}", key[:80])
    kind, rest = kinds[key], match[3] or ""
    rest, _, tokens = rest.partition("except")
    numbers: dict[str, Fraction] = {}
    for part in filter(str.strip, rest.split(",")):
        name, number = _number(kind, part, id)
        if name in numbers:
            raise BadExplanation(id, f"{name} once", "it twice")
        numbers[name] = number
    if tokens and not kind.exceptions:
        raise BadExplanation(id, f"no exceptions in {key}", f"except{tokens}"[:80])
    return Sentence(kind, id, said, numbers, _tokens(tokens, id))


def _number(kind: Kind, part: str, id: str) -> tuple[str, Fraction]:
    expected = " or ".join(f"{number.name} {number.sign} …" for number in kind.numbers) or "no number"
    match = _NUMBER.fullmatch(part)
    if match is None:
        raise BadExplanation(id, f"{expected} in {kind.key}", part.strip()[:80])
    name = match[1] or (kind.numbers[0].name if len(kind.numbers) == 1 else "")
    if not any((number.name, number.sign) == (name, match[2]) for number in kind.numbers):
        raise BadExplanation(id, f"{expected} in {kind.key}", part.strip()[:80])
    try:
        return name, Fraction(match[3])
    except ZeroDivisionError:
        raise BadExplanation(id, "a number", match[3]) from None


def _tokens(text: str, id: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in filter(str.strip, text.split(",")):
        match = _TOKENS.fullmatch(part)
        if match is None or len(part) > 20:
            raise BadExplanation(id, "tokens such as 3..7, 9 after except", part.strip()[:80])
        first, last = int(match[1]), int(match[2] or match[1])
        if max(first, last) >= MOST_TOKENS:
            raise BadExplanation(id, f"tokens below {MOST_TOKENS}", part.strip())
        found.update(range(first, last + 1))
    return tuple(sorted(found))
