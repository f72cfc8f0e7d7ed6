"""The value of an expression, and whether a statement is true, on one network at one precision.

Values are enclosures (:mod:`.intervals`); a statement is TRUE or FALSE only if that follows from them, else UNDECIDED.
What depends on precision: singular values, rank1, square roots, logits and loss; everything else is exact.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import product
from math import prod

from ...engine.arithmetic.verdict import Verdict
from ..rules.additive_margin import AdditiveMargin
from . import network, singular
from .errors import NotDefined, OutsideMatrix, ShapesMismatch, UnknownName, WrongArguments
from .intervals import IntervalMatrix, NotPositive, ShapesDiffer
from .measured import Measured
from .syntax import (
    Approx,
    Binary,
    Both,
    Call,
    Compare,
    Defined,
    Expression,
    Fact,
    ForAll,
    Index,
    Name,
    Negate,
    Negation,
    Node,
    Number,
    Power,
    Ranging,
    Statement,
    StatementError,
    Subscript,
    TooLarge,
    Within,
)
from .vocabulary import NAMES, Vocabulary

MAX_ENTRIES = 1 << 22
MAX_BITS = 1 << 16
# Singular values take about n^3.5 steps for a matrix with n rows or columns, whichever is less: minutes beyond this.
MAX_SIDE = 256

SPECTRAL = ("sigma", "spectral_norm", "rank1")

Binding = Mapping[str, int]


class Open(Exception):
    """The statement cannot be decided here; ``reason`` says why, ``hopeless`` that more bits would not help."""

    def __init__(self, reason: str, *, hopeless: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.hopeless = reason, hopeless


@dataclass(frozen=True)
class Budget:
    """What one statement may cost: instances of a quantifier, and sequences that a loss looks at one by one."""

    instances: int = 1 << 18
    sequences: int = 20_000

    def limit(self, body: Node, variables: frozenset[str]) -> int:
        """How many instances a quantifier over this body may have: fewer where each one is expensive."""
        if isinstance(body, Call) and not variables.isdisjoint(body.names):
            if body.function in SPECTRAL:
                return self.instances >> 10
            if body.function in ("correct", "logits"):
                return min(self.instances, self.sequences)
        return min((self.limit(node, variables) for node in body.nodes()), default=self.instances)


@dataclass(frozen=True)
class Outcome:
    """A verdict with what was measured, the witness of a refutation, and how close an undecided comparison is."""

    verdict: Verdict
    measured: tuple[Measured, ...] = ()
    witness: str = ""
    gap: str = ""


@dataclass(frozen=True)
class Evaluator:
    vocabulary: Vocabulary
    bits: int
    budget: Budget = field(default_factory=Budget)

    @property
    def margin(self) -> AdditiveMargin:
        """What the logits are."""
        if self.vocabulary.margin is None:
            raise Open("the logits are not among the premises", hopeless=True)
        return self.vocabulary.margin

    # Expressions

    def value(self, node: Expression, binding: Binding) -> IntervalMatrix:
        """The enclosure of an expression; raises a StatementError for what has no value, :class:`Open` for what is not
        known well enough."""
        if not binding.keys().isdisjoint(node.names):
            return self._fresh(node, binding)
        memo, text = self.vocabulary.memo, node.key
        for key in ((text, 0), (text, self.bits)):
            if key in memo:
                return memo[key]
        found = self._fresh(node, binding)
        memo[text, 0 if found.exact else self.bits] = found
        return found

    def _fresh(self, node: Expression, binding: Binding) -> IntervalMatrix:
        try:
            found = self._compute(node, binding)
        except ShapesDiffer as problem:
            operator = node.operator if isinstance(node, Binary) else "and"
            raise ShapesMismatch(node.column, operator, *problem.shapes) from None
        except NotPositive as problem:
            if problem.certain:
                what = "division by zero" if isinstance(node, Binary) else "the square root of a negative number"
                raise NotDefined(node.column, what) from None
            raise Open(f"{node} is not known to be defined") from None
        return found.coarsened(self.bits)

    def _compute(self, node: Expression, binding: Binding) -> IntervalMatrix:
        match node:
            case Number():
                return IntervalMatrix.number(node.value)
            case Name(name):
                return IntervalMatrix.number(Fraction(binding[name])) if name in binding else self._named(node)
            case Defined(_, body):
                try:
                    return self.value(body, binding)
                except StatementError as error:
                    error.column = node.column  # where the abbreviation is used: the body is another text
                    raise
            case Negate(body):
                return -self.value(body, binding)
            case Binary(operator, left, right):
                return self._binary(node, operator, self.value(left, binding), self.value(right, binding))
            case Power(base, exponent):
                return self._power(node, self._scalar(base, binding), exponent)
            case Index(matrix, subscripts):
                return self._indexed(node, self.value(matrix, binding), subscripts, binding)
            case Call(function, arguments):
                return FUNCTIONS[function].compute(self, node, [self.value(a, binding) for a in arguments])
        raise AssertionError(f"no value for {type(node).__name__}")

    def _named(self, node: Name) -> IntervalMatrix:
        vocabulary = self.vocabulary
        if node.name == "accuracy":
            if vocabulary.accuracy is None:
                raise Open("the accuracy is not among the premises", hopeless=True)
            return IntervalMatrix.interval(*vocabulary.accuracy.bounds)
        if node.name == "loss":
            if vocabulary.loss is not None:
                return IntervalMatrix.interval(*vocabulary.loss.bounds)
            inputs = vocabulary.statement.task.inputs
            if inputs > self.budget.sequences:
                exponentials = inputs * vocabulary.statement.network.d_vocab
                raise Open(
                    f"loss over {inputs} sequences would take {exponentials} exponentials; the budget is "
                    f"{self.budget.sequences} sequences",
                    hopeless=True,
                )
            return IntervalMatrix.interval(*network.mean_loss(self.margin.paths, self.bits))
        return vocabulary.matrix(node.name)

    def _binary(self, node: Binary, operator: str, left: IntervalMatrix, right: IntervalMatrix) -> IntervalMatrix:
        shape = (left.shape[0], right.shape[1]) if operator == "@" else tuple(map(max, left.shape, right.shape))
        if prod(shape) > MAX_ENTRIES:
            raise TooLarge(node.column, f"a matrix of {shape[0]} × {shape[1]} entries", f"{MAX_ENTRIES} entries")
        match operator:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "@":
                return left @ right
        if right.shape != (1, 1):
            raise ShapesMismatch(node.column, "/", left.shape, right.shape)
        return left.over(right, self.bits)

    def _power(self, node: Power, base: IntervalMatrix, exponent: int) -> IntervalMatrix:
        size = max(max(abs(end.numerator), end.denominator).bit_length() for end in base.bounds())
        if size * abs(exponent) > MAX_BITS:
            raise TooLarge(node.column, f"a power of {size * abs(exponent)} bits", f"{MAX_BITS} bits")
        result = IntervalMatrix.number(Fraction(1))
        for _ in range(abs(exponent)):
            result = result * base
        return IntervalMatrix.number(Fraction(1)).over(result, self.bits) if exponent < 0 else result

    def _scalar(self, node: Expression, binding: Binding) -> IntervalMatrix:
        found = self.value(node, binding)
        if found.shape != (1, 1):
            raise NotDefined(node.column, f"expected a number, found a matrix of {found.shape[0]} × {found.shape[1]}")
        return found

    def integer(self, node: Expression, binding: Binding) -> int:
        """The value of an expression that must be a whole number."""
        if isinstance(node, Name) and node.name in binding:
            return binding[node.name]
        found = self._scalar(node, binding)
        low, _ = found.bounds()
        if not found.exact or low.denominator != 1:
            raise NotDefined(node.column, f"expected a whole number, found {node}")
        return low.numerator

    def _indexed(
        self, node: Index, matrix: IntervalMatrix, subscripts: Sequence[Subscript], binding: Binding
    ) -> IntervalMatrix:
        taken = [range(matrix.shape[0]), range(matrix.shape[1])]
        for axis, subscript in enumerate(subscripts):
            size = matrix.shape[axis]
            first = 0 if subscript.first is None else self.integer(subscript.first, binding)
            if subscript.single:
                last = first + 1
            else:
                last = size if subscript.last is None else self.integer(subscript.last, binding)
            if not 0 <= first < last <= size:
                index = str(first) if subscript.single else f"{first}:{last}"
                raise OutsideMatrix(node.column, index, ("row", "column")[axis], size)
            taken[axis] = range(first, last)
        return matrix.block(*taken)

    # Statements

    def judge(self, node: Statement, binding: Binding) -> Outcome:
        """Whether the statement holds; errors as for :meth:`value`."""
        match node:
            case Compare(parts, operators):
                return self._chain(parts, operators, binding)
            case Within(inner, low, high):
                return self._chain((low, inner, high), ("<=", "<="), binding)
            case Approx(left, target):
                return self._approx(left, target, binding)
            case Fact(call):
                return FACTS[call.function].judge(self, call, binding)
            case Negation(inner):
                found = self.judge(inner, binding)
                return Outcome(~found.verdict, found.measured, found.witness, found.gap)
            case Both(left, right):
                first = self.judge(left, binding)
                return first if first.verdict.refuted else _both(first, self.judge(right, binding))
            case ForAll(binders, body):
                return self._for_all(node, binders, body, binding)
        raise AssertionError(f"no verdict for {type(node).__name__}")

    def _chain(self, parts: Sequence[Expression], operators: Sequence[str], binding: Binding) -> Outcome:
        unit = min((n.unit for n in map(_literal, parts) if n is not None and n.unit is not None), default=None)
        outcome = Outcome(Verdict.TRUE)
        for left, operator, right in zip(parts, operators, parts[1:], strict=False):
            outcome = _both(outcome, self._relation(left, operator, right, unit, binding))
        return outcome

    def _approx(self, left: Expression, target: Number, binding: Binding) -> Outcome:
        assert target.unit is not None
        half = target.unit / Fraction(2)
        low = Number(target.value - half, target.unit, f"({target} - {half})")
        high = Number(target.value + half, target.unit, f"({target} + {half})")
        return self._chain((low, left, high), ("<=", "<="), binding)

    def _relation(
        self, left: Expression, operator: str, right: Expression, unit: Fraction | None, binding: Binding
    ) -> Outcome:
        a, b = self.value(left, binding), self.value(right, binding)
        try:
            difference = a - b
        except ShapesDiffer as problem:
            raise ShapesMismatch(left.column, operator, *problem.shapes) from None
        if left.key == right.key and not difference.exact:
            difference = IntervalMatrix.exactly(difference.shape, [0] * len(difference.lower), Fraction(1))
        verdicts = difference.compare(operator)
        i, j = divmod(_tightest(difference, operator, verdicts), difference.shape[1])
        verdict = verdicts[i * difference.shape[1] + j]
        sides = {node.key: (node, value) for node, value in ((left, a), (right, b)) if node.names}
        measured = tuple(self._measured(node, value, (i, j), unit) for node, value in sides.values())
        where = f"at entry [{i}, {j}]" if difference.shape != (1, 1) else ""
        gap = ""
        if verdict is Verdict.UNDECIDED:
            gap = str(Measured(f"{left} - {right}", *difference.bounds(i, j), None))
        return Outcome(verdict, measured, where if verdict.refuted else "", gap)

    def _measured(
        self, node: Expression, value: IntervalMatrix, place: tuple[int, int], unit: Fraction | None
    ) -> Measured:
        i, j = (min(p, size - 1) for p, size in zip(place, value.shape, strict=True))
        text = str(node)
        if value.shape != (1, 1):
            text = f"({text})[{i}, {j}]" if isinstance(node, Binary | Negate) else f"{text}[{i}, {j}]"
        accuracy = self.vocabulary.accuracy
        note = accuracy.relation() if node == Name("accuracy") and accuracy is not None else ""
        return Measured(text, *value.bounds(i, j), unit, note)

    # Quantifiers

    def _for_all(
        self, node: ForAll, binders: Sequence[Ranging | Compare], body: Statement, binding: Binding
    ) -> Outcome:
        ranges = self._ranges(binders, body, binding)
        total = prod(max(0, values.stop - values.start) for values in ranges.values())
        limit = self.budget.limit(body, frozenset(ranges))
        if total > limit:
            raise Open(f"the quantifier has {total} instances; the budget is {limit}", hopeless=True)
        conditions = [binder for binder in binders if isinstance(binder, Compare) and binder.operators]
        # what is nested inside shares the budget
        inside = replace(self, budget=replace(self.budget, instances=self.budget.instances // max(1, total)))
        count, pending = 0, None
        for values in product(*ranges.values()):
            inner = {**binding, **dict(zip(ranges, values, strict=True))}
            if not all(self._admitted(condition, inner) for condition in conditions):
                continue
            count += 1
            outcome = inside.judge(body, inner)
            if outcome.verdict.proved:
                continue
            at = "at " + ", ".join(f"{name} = {inner[name]}" for name in ranges)
            if outcome.verdict.refuted:
                witness = f"{at}, {outcome.witness.removeprefix('at ')}" if outcome.witness else at
                return Outcome(Verdict.FALSE, outcome.measured, witness)
            pending = pending or Outcome(Verdict.UNDECIDED, outcome.measured, gap=f"{at}: {outcome.gap}")
        return pending or Outcome(Verdict.TRUE, witness=f"all {count} instances")

    def _ranges(self, binders: Sequence[Ranging | Compare], body: Statement, binding: Binding) -> dict[str, range]:
        ranges: dict[str, range] = {}
        task = self.vocabulary.statement.task
        named = {"tokens": range(task.d_vocab), "positions": range(task.n_ctx)}
        for binder in binders:
            if isinstance(binder, Ranging):
                if binder.last is not None:
                    first, last = (self.integer(end, binding) for end in (binder.first, binder.last))
                    ranges[binder.name] = range(first, last + 1)
                elif isinstance(binder.first, Name) and binder.first.name in named:
                    ranges[binder.name] = named[binder.first.name]
                else:
                    raise NotDefined(binder.first.column, "expected tokens, positions or a range such as 0..3")
        for name in _free(binders):
            if name.name not in binding:
                ranges.setdefault(name.name, named["tokens"])
        for name in ranges:
            if name not in body.names:
                raise NotDefined(binders[0].column, f"the variable {name} does not occur after the colon")
        return ranges

    def _admitted(self, condition: Compare, binding: Binding) -> bool:
        values = [self.integer(part, binding) for part in condition.parts]
        return all(_INTEGERS[o](a, b) for a, o, b in zip(values, condition.operators, values[1:], strict=False))


def _both(first: Outcome, second: Outcome) -> Outcome:
    """One statement and the other: a refutation of either, or all that was measured."""
    for outcome in (first, second):
        if outcome.verdict.refuted:
            return outcome
    new = tuple(measured for measured in second.measured if measured not in first.measured)
    return Outcome(first.verdict & second.verdict, first.measured + new, gap=first.gap or second.gap)


_INTEGERS: dict[str, Callable[[int, int], bool]] = {
    "<=": lambda a, b: a <= b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def _literal(node: Expression) -> Number | None:
    """The number that an expression spells, if it is one, sign included."""
    if isinstance(node, Negate):
        node = node.body
    return node if isinstance(node, Number) else None


def _tightest(difference: IntervalMatrix, operator: str, verdicts: Sequence[Verdict]) -> int:
    """The entry that decides a comparison of all entries: a refuted one before an undecided one before a proved one,
    among these the one where it is tightest."""
    rank = {Verdict.FALSE: 0, Verdict.UNDECIDED: 1, Verdict.TRUE: 2}
    worst = min(rank[verdict] for verdict in verdicts)
    places = [place for place, verdict in enumerate(verdicts) if rank[verdict] == worst]
    if operator in ("<=", "<"):
        return max(places, key=lambda place: difference.upper[place])
    if operator in (">=", ">"):
        return min(places, key=lambda place: difference.lower[place])
    return max(places, key=lambda place: max(abs(difference.lower[place]), abs(difference.upper[place])))


def _free(nodes: Sequence[Node]) -> Iterator[Name]:
    """The names in these nodes, in order, that have no meaning of their own."""
    for node in nodes:
        if isinstance(node, Name):
            if node.name not in NAMES and node.name not in ("tokens", "positions"):
                yield node
        else:
            yield from _free(list(node.nodes()))


# Functions

Values = list[IntervalMatrix]


@dataclass(frozen=True)
class Function:
    """``arguments`` in words with their number (None: one or more); ``meaning`` for the documentation."""

    count: int | None
    arguments: str
    meaning: str
    compute: Callable[[Evaluator, Call, Values], IntervalMatrix]


@dataclass(frozen=True)
class Predicate:
    count: int | None
    arguments: str
    meaning: str
    judge: Callable[[Evaluator, Call, Binding], Outcome]


def _range(matrix: IntervalMatrix) -> IntervalMatrix:
    return matrix.rowwise(max) - matrix.rowwise(min)


def _mean(matrix: IntervalMatrix) -> IntervalMatrix:
    return matrix.rowwise(sum) * IntervalMatrix.number(Fraction(1, matrix.shape[1]))


def _frobenius(evaluator: Evaluator, call: Call, values: Values) -> IntervalMatrix:
    (matrix,) = values
    return (matrix.abs() * matrix.abs()).flat().rowwise(sum).coarsened(2 * evaluator.bits).sqrt(evaluator.bits)


def _sigmas(evaluator: Evaluator, node: Expression, matrix: IntervalMatrix) -> IntervalMatrix:
    """All singular values as a column, computed once."""
    if min(matrix.shape) > MAX_SIDE:
        size = f"{matrix.shape[0]} × {matrix.shape[1]}"
        raise Open(f"singular values of a {size} matrix; the limit is {MAX_SIDE} rows or columns", hopeless=True)
    key = f"singular values of {node.key}", evaluator.bits
    memo = evaluator.vocabulary.memo
    if key not in memo:
        memo[key] = IntervalMatrix.column(singular.sigma(matrix, evaluator.bits))
    return memo[key]


def _sigma(evaluator: Evaluator, call: Call, values: Values) -> IntervalMatrix:
    matrix, which = values
    low, _ = which.bounds()
    if which.shape != (1, 1) or not which.exact or low.denominator != 1 or not 1 <= low <= min(matrix.shape):
        expected = f"a whole number from 1 to {min(matrix.shape)}"
        raise WrongArguments(call.column, "sigma", f"a matrix and {expected}", str(call.arguments[1]))
    return _sigmas(evaluator, call.arguments[0], matrix).row(int(low) - 1)


def _rank1(evaluator: Evaluator, call: Call, values: Values) -> IntervalMatrix:
    known = _sigmas(evaluator, call.arguments[0], values[0])
    second = known.bounds(1)[1] if known.shape[0] > 1 else Fraction(0)
    try:
        return singular.rank_one(values[0], second, evaluator.bits)
    except singular.NotSeparated:
        raise Open(f"the two largest singular values of {call.arguments[0]} are not known to differ") from None


def _diagonal_margin(evaluator: Evaluator, call: Call, values: Values) -> IntervalMatrix:
    (matrix,) = values
    size = matrix.shape[0]
    if matrix.shape != (size, size) or size < 2:
        found = f"{matrix.shape[0]} × {matrix.shape[1]}"
        raise WrongArguments(call.column, call.function, "a square matrix of two rows or more", found)
    rest = [matrix.row(i).block(range(1), range(size)) for i in range(size)]
    margins = []
    for i, row in enumerate(rest):
        others = row.lower[:i] + row.lower[i + 1 :], row.upper[:i] + row.upper[i + 1 :]
        largest = IntervalMatrix.between((1, 1), [max(others[0])], [max(others[1])], row.scale)
        margins.append((row.block(range(1), range(i, i + 1)) - largest).bounds())
    return IntervalMatrix.column(margins).T.rowwise(min)


def _logits(evaluator: Evaluator, call: Call, values: Values) -> IntervalMatrix:
    tokens = _sequence(evaluator, call, values)
    return IntervalMatrix.column(network.logits(evaluator.margin.paths, tokens, evaluator.bits))


def _sequence(evaluator: Evaluator, call: Call, values: Values) -> list[int]:
    task = evaluator.vocabulary.statement.task
    ends = [value.bounds() for value in values]
    whole = all(v.shape == (1, 1) and v.exact for v in values) and all(low.denominator == 1 for low, _ in ends)
    tokens = [int(low) for low, _ in ends]
    if not whole or len(tokens) != task.n_ctx or not all(0 <= token < task.d_vocab for token in tokens):
        expected = f"a sequence of {task.n_ctx} tokens 0 to {task.d_vocab - 1}"
        raise WrongArguments(call.column, call.function, expected, ", ".join(map(str, call.arguments)) or "nothing")
    return tokens


def _correct(evaluator: Evaluator, call: Call, binding: Binding) -> Outcome:
    tokens = _sequence(evaluator, call, [evaluator.value(argument, binding) for argument in call.arguments])
    stronger, decided = network.stronger_output(evaluator.margin, tokens)
    if stronger is not None:
        sequence = ", ".join(map(str, tokens))
        return Outcome(Verdict.FALSE, witness=f"logit {stronger} on ({sequence}) is not below logit {max(tokens)}")
    if not decided:
        return Outcome(Verdict.UNDECIDED, gap="two logits are too close to tell apart")
    return Outcome(Verdict.TRUE, witness=f"logit {max(tokens)} is the largest on ({', '.join(map(str, tokens))})")


def _is_increasing(evaluator: Evaluator, call: Call, binding: Binding) -> Outcome:
    vector = evaluator.value(call.arguments[0], binding)
    if 1 not in vector.shape:
        found = f"a matrix of {vector.shape[0]} × {vector.shape[1]}"
        raise WrongArguments(call.column, call.function, "a row or a column", found)
    row = vector.flat()
    size = row.shape[1]
    if size == 1:
        return Outcome(Verdict.TRUE)
    steps = row.block(range(1), range(1, size)) - row.block(range(1), range(size - 1))
    verdicts = steps.compare(">")
    place = _tightest(steps, ">", verdicts)
    text = f"step from entry {place} to {place + 1}"
    measured = Measured(text, *steps.bounds(0, place), None)
    refuted = verdicts[place].refuted
    return Outcome(verdicts[place], (measured,), f"at entry {place + 1}" if refuted else "", str(measured))


def _of_one(compute: Callable[[IntervalMatrix], IntervalMatrix], meaning: str) -> Function:
    return Function(1, "a matrix", meaning, lambda evaluator, call, values: compute(values[0]))


FUNCTIONS: dict[str, Function] = {
    "abs": _of_one(IntervalMatrix.abs, "absolute value of every entry"),
    "max": _of_one(lambda m: m.flat().rowwise(max), "largest entry"),
    "min": _of_one(lambda m: m.flat().rowwise(min), "least entry"),
    "range": _of_one(lambda m: _range(m.flat()), "largest less least entry"),
    "sum": _of_one(lambda m: m.flat().rowwise(sum), "sum of all entries"),
    "mean": _of_one(lambda m: _mean(m.flat()), "mean of all entries"),
    "row_max": _of_one(lambda m: m.rowwise(max), "largest entry of each row, as a column"),
    "row_min": _of_one(lambda m: m.rowwise(min), "least entry of each row, as a column"),
    "row_range": _of_one(_range, "largest less least entry of each row, as a column"),
    "row_sum": _of_one(lambda m: m.rowwise(sum), "sum of each row, as a column"),
    "row_mean": _of_one(_mean, "mean of each row, as a column"),
    "mean_over_rows": _of_one(lambda m: _mean(m.T).T, "the mean of all rows, a row"),
    "row_difference": _of_one(
        lambda m: _range(m).T.rowwise(max), "the largest difference of two entries of one row"
    ),
    "transpose": _of_one(lambda m: m.T, "the transpose; also written A.T"),
    "diagonal": _of_one(IntervalMatrix.diagonal, "the diagonal, as a column"),
    "diagonal_margin": Function(
        1, "a square matrix", "least, over the rows, of the diagonal entry less the largest other one", _diagonal_margin
    ),
    "frobenius": Function(1, "a matrix", "Frobenius norm", _frobenius),
    "spectral_norm": Function(
        1, "a matrix", "largest singular value",
        lambda evaluator, call, values: _sigmas(evaluator, call.arguments[0], values[0]).row(0),
    ),
    "sigma": Function(2, "a matrix and a whole number", "the i-th largest singular value, i = 1, 2, …", _sigma),
    "rank1": Function(1, "a matrix", "the best approximation of rank one", _rank1),
    "sqrt": Function(
        1, "a number", "square root", lambda evaluator, call, values: _root(call, values[0], evaluator.bits)
    ),
    "logits": Function(None, "the tokens of a sequence", "the logits on a sequence, as a column", _logits),
}  # fmt: skip

FACTS: dict[str, Predicate] = {
    "correct": Predicate(
        None, "the tokens of a sequence", "the largest token's logit is strictly the largest", _correct
    ),
    "is_increasing": Predicate(1, "a row or a column", "every entry is larger than the one before", _is_increasing),
}


def _root(call: Call, value: IntervalMatrix, bits: int) -> IntervalMatrix:
    if value.shape != (1, 1):
        raise WrongArguments(call.column, "sqrt", "a number", f"a matrix of {value.shape[0]} × {value.shape[1]}")
    return value.sqrt(bits)


# Names, before anything is evaluated


def check(node: Node, bound: frozenset[str] = frozenset()) -> None:
    """Raise a StatementError for unknown names and functions, and for a wrong number of arguments."""
    match node:
        case ForAll(binders, body):
            variables = [name.name for name in _free(binders)] + [b.name for b in binders if isinstance(b, Ranging)]
            for binder in binders:
                lone = binder.parts[0] if isinstance(binder, Compare) and not binder.operators else None
                name = binder.name if isinstance(binder, Ranging) else str(lone)
                if name in NAMES or (lone is not None and not isinstance(lone, Name)):
                    raise NotDefined(binder.column, f"{name} already has a meaning and cannot be a variable")
            check(body, bound | frozenset(variables))
        case Name(name):
            if name not in bound and name not in NAMES:
                raise UnknownName(node.column, name, _nearest(name, [*NAMES, *bound], [*FUNCTIONS, *FACTS]))
        case Fact(call):
            _check_call(call, FACTS, FUNCTIONS, "true or false", bound)
        case Call():
            _check_call(node, FUNCTIONS, FACTS, "a value", bound)
        case Defined(_, body):
            check(body)  # variables of a quantifier are not captured
        case Approx(_, target) if target.unit is None:
            raise NotDefined(target.column, "≈ needs a decimal number, whose last digit says how close")
        case _:
            for inner in node.nodes():
                check(inner, bound)
    if isinstance(node, Approx):
        check(node.left, bound)


def _check_call(
    call: Call,
    known: Mapping[str, Function | Predicate],
    others: Mapping[str, Function | Predicate],
    kind: str,
    bound: frozenset[str],
) -> None:
    if call.function in others:
        raise NotDefined(call.column, f"{call.function} is not {kind}, so it cannot stand here")
    if call.function not in known:
        raise UnknownName(call.column, call.function, _nearest(call.function, list(known), list(NAMES)))
    function = known[call.function]
    found = len(call.arguments)
    if found != function.count and (function.count is not None or found == 0):
        raise WrongArguments(call.column, call.function, function.arguments, f"{found} arguments")
    for argument in call.arguments:
        check(argument, bound)


def _nearest(name: str, *known: Sequence[str]) -> str:
    """The nearest known name: of the right kind if one is near, else of any."""
    for candidates in known:
        folded = {candidate.lower(): candidate for candidate in sorted(candidates)}
        close = difflib.get_close_matches(name.lower(), folded, 3)
        if close:
            same_letters = [candidate for candidate in close if sorted(candidate) == sorted(name.lower())]
            return f"the nearest known name is {folded[[*same_letters, *close][0]]!r}"
    return f"known are {', '.join(sorted(known[0]))}"
