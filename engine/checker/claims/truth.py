"""Statements: true, false, or undecided (section 10.4).

What comes after a false part of a conjunction, or after a false instance of a quantifier, is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import chain

from ..errors import Code, Failure
from .matrix import Intervals, number, shape_text
from .tree import Compare, Conjunction, ForAll, Negation, Predicate, Statement
from .value import NAMES, Environment, Values, whole

MAX_INSTANCES = 1 << 18

# What makes a comparison with zero true, and what makes it false, of a number between l and u.
Test = Callable[[int, int], bool]
HOLDS: dict[str, tuple[Test, Test]] = {
    "<=": (lambda l, u: u <= 0, lambda l, u: l > 0),
    ">=": (lambda l, u: l >= 0, lambda l, u: u < 0),
    "<": (lambda l, u: u < 0, lambda l, u: l >= 0),
    ">": (lambda l, u: l > 0, lambda l, u: u <= 0),
    "=": (lambda l, u: l == u == 0, lambda l, u: l > 0 or u < 0),
    "!=": (lambda l, u: l > 0 or u < 0, lambda l, u: l == u == 0),
}
ZERO = number(Fraction(0))


def of_all(parts: Iterable[bool | None]) -> bool | None:
    """False at the first part that is, else undecided (None) when some part is.

    >>> of_all([True, None, False]), of_all([True, None]), of_all([])
    (False, None, True)
    """
    found: bool | None = True
    for part in parts:
        if part is False:
            return False
        if part is None:
            found = None
    return found


def compared(sign: str, difference: Intervals) -> bool | None:
    """Whether every entry compares so with zero."""
    true, false = HOLDS[sign]
    found: bool | None = True
    for lows, highs in zip(difference.lower, difference.upper, strict=True):
        for low, high in zip(lows, highs, strict=True):
            if not true(low, high):
                if false(low, high):
                    return False
                found = None
    return found


class Truth:
    """The truth of statements, with the values of their expressions."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.budget = values.budget
        self.instances = 0
        # the quantifiers that were looked at, and those that ever had an instance, by identity
        self.reached: dict[int, ForAll] = {}
        self.met: set[int] = set()
        self.void: frozenset[int] = frozenset()  # those that say nothing

    def of_text(self, statement: Statement) -> bool | None:
        """True, False, or None: undecided. E289 when that rests on a quantifier that never had an instance: such a one
        says nothing, so what is settled must be so with it left open."""
        found = self.of(statement, {})
        idle = [quantifier for key, quantifier in self.reached.items() if key not in self.met]
        if found is not None and idle:
            self.void, self.instances = frozenset(map(id, idle)), 0
            if self.of(statement, {}) is not found:
                raise Failure(Code.E289, names=", ".join(idle[0].names))
        return found

    def of(self, statement: Statement, variables: Environment) -> bool | None:
        """True, False, or None: undecided."""
        match statement:
            case Compare():
                return self._compare(statement, variables)
            case Predicate():
                return self._predicate(statement, variables)
            case Negation(inner):
                found = self.of(inner, variables)
                return None if found is None else not found
            case Conjunction(items):
                return of_all(self.of(item, variables) for item in items)
            case ForAll():
                return self._for_all(statement, variables)

    def _compare(self, statement: Compare, variables: Environment) -> bool | None:
        sides = [(side, self.values.value(side, variables)) for side in statement.sides]
        found: bool | None = True
        for (one, a), sign, (other, b) in zip(sides, statement.signs, sides[1:], strict=False):
            difference = ZERO if one is other else self.values.arithmetic.subtract(a, b)
            self.budget.spend(1 + len(difference.lower) * len(difference.lower[0]) // 8)
            found = of_all((found, compared(sign, difference)))
        return found

    def _predicate(self, statement: Predicate, variables: Environment) -> bool | None:
        arguments = [self.values.value(part, variables) for part in statement.arguments]
        if statement.name == "correct":
            return self.values.sequences.correct(self.values.tokens(arguments))
        (steps,) = arguments
        if 1 not in steps.shape:
            raise Failure(Code.E252, what=f"is_increasing({shape_text(steps)})")
        lower, upper = (list(chain.from_iterable(rows)) for rows in (steps.lower, steps.upper))
        self.budget.spend(len(lower))
        differences = zip(zip(lower, upper, strict=True), zip(lower[1:], upper[1:], strict=True), strict=False)
        return of_all(compared(">", Intervals(((c - b,),), ((d - a,),), steps.scale)) for (a, b), (c, d) in differences)

    def _for_all(self, statement: ForAll, variables: Environment) -> bool | None:
        """Instances without a quantifier inside are counted, those of all quantifiers together; E299."""
        if id(statement) in self.void:
            return None
        self.reached[id(statement)] = statement
        found = (self._counted(statement, instance) for instance in self._instances(statement, variables))
        if statement.exceptions is None:
            return of_all(found)
        truths = list(found)
        least, limit = truths.count(False), statement.exceptions
        most = least + truths.count(None)
        if most <= limit and (most == least == limit or not statement.exactly):
            return True
        return False if least > limit or (statement.exactly and most < limit) else None

    def _counted(self, statement: ForAll, instance: Environment) -> bool | None:
        self.met.add(id(statement))
        before = self.instances
        found = self.of(statement.body, instance)
        if self.instances == before:
            self.instances += 1
            if self.instances > MAX_INSTANCES:
                raise Failure(Code.E299, limit=MAX_INSTANCES)
        return found

    def _instances(self, statement: ForAll, outside: Environment) -> Iterator[Environment]:
        """The variables' values that satisfy the conditions, in the order of the text."""
        taken = NAMES | self.values.premises.names
        names = [name for name in statement.names if name not in outside and name not in taken]
        variables = dict(outside)
        ranges: list[Iterator[int]] = [iter(self._range(statement, names, 0, variables))]
        while ranges:
            self.budget.spend(4)
            value = next(ranges[-1], None)
            if value is None:
                ranges.pop()
                continue
            variables[names[len(ranges) - 1]] = self.values.whole_number(value)
            if len(ranges) < len(names):
                ranges.append(iter(self._range(statement, names, len(ranges), variables)))
            elif all(self._satisfies(condition, variables) for condition in statement.conditions):
                yield variables

    def _range(self, statement: ForAll, names: list[str], index: int, variables: Environment) -> range:
        """What a variable runs over; the ends are whole numbers that depend on no variable of this quantifier."""
        ends = statement.ranges.get(names[index], "tokens")
        if isinstance(ends, str):
            network = self.values.network
            return range(network.vocabulary if ends == "tokens" else network.positions)
        low, high = (whole(self.values.value(end, variables)) for end in ends)
        return range(low, high + 1)

    def _satisfies(self, condition: Compare, variables: Environment) -> bool:
        """Whether whole numbers satisfy a condition."""
        sides = [whole(self.values.value(side, variables)) for side in condition.sides]
        pairs = zip(sides, condition.signs, sides[1:], strict=False)
        return all(HOLDS[sign][0](a - b, a - b) for a, sign, b in pairs)
