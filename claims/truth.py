"""Whether a statement is true of a network: TRUE or FALSE only if that follows from the values, else UNDECIDED."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import product
from math import prod

from ..engine.arithmetic.verdict import Verdict
from .all_right import condition
from .context import Binding, Context, Open
from .errors import NotDefined, ShapesMismatch
from .evaluate import Evaluator, wanted
from .facts import FACTS
from .intervals import IntervalMatrix, ShapesDiffer
from .measured import Measured
from .names import RANGES, free
from .network_words import USUAL, NetworkWords, Wanted
from .outcome import TALLIES, Outcome, both, either, tightest
from .restriction import WRONG
from .tree import (
    Approx,
    Binary,
    Both,
    Call,
    Compare,
    Either,
    Expression,
    Fact,
    ForAll,
    Member,
    Name,
    Negate,
    Negation,
    Number,
    Quantified,
    Ranging,
    Restricted,
    SetRelation,
    Statement,
    Tokens,
    Within,
)

# So many instances of a quantifier are looked at one by one; more inputs are decided together.
FEW = 256


@dataclass(frozen=True)
class Judge:
    """Judges statements with the values of an :class:`Evaluator`."""

    context: Context
    # the quantifiers that were looked at, and those that ever had an instance, by identity
    reached: dict[int, Quantified] = field(default_factory=dict)
    met: set[int] = field(default_factory=set)
    # those that say nothing
    void: frozenset[int] = frozenset()

    @property
    def values(self) -> Evaluator:
        return Evaluator(self.context)

    def whole(self, statement: Statement) -> Outcome:
        """Whether a whole statement holds; raises NotDefined when that rests on a quantifier that never had an
        instance: such a one says nothing, so what is settled must be so with it left open."""
        outcome = self.judge(statement, {})
        idle = [quantifier for key, quantifier in self.reached.items() if key not in self.met]
        if outcome.verdict is not Verdict.UNDECIDED and idle:
            again = replace(self, void=frozenset(map(id, idle)), reached={}, met=set()).judge(statement, {})
            if again.verdict is not outcome.verdict:
                raise NotDefined(idle[0].column, "the quantifier has no instances, so that it says nothing")
        return outcome

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
                return self._fact(call, binding)
            case SetRelation(subject, operator, listed):
                return self._sets(subject, operator, listed, binding)
            case Member(item, subject):
                return self._member(item, subject, binding)
            case Negation(inner):
                found = self.judge(inner, binding)
                return Outcome(~found.verdict, found.measured, found.witness, found.gap)
            case Both(left, right):
                first = self.judge(left, binding)
                return first if first.verdict.refuted else both(first, self.judge(right, binding))
            case Either(left, right):
                first = self.judge(left, binding)
                return first if first.verdict.proved else either(first, self.judge(right, binding))
            case Quantified():
                return self._quantified(node, binding)
        raise AssertionError(f"no verdict for {type(node).__name__}")

    def _fact(self, call: Call, binding: Binding) -> Outcome:
        values = [self.values.value(argument, binding) for argument in call.arguments]
        return FACTS[call.function].judge(self.context, call, values)

    def _inputs(self, subject: Expression) -> None:
        if not isinstance(subject, Name | Restricted) or subject.name != WRONG:
            raise NotDefined(subject.column, f"expected the set wrong, found {subject}")

    def _tokens(self, item: Tokens, binding: Binding) -> tuple[int, ...]:
        found = tuple(self.values.integer(part, binding) for part in item.items)
        positions = self.context.statement.task.positions
        if len(found) != positions:
            raise NotDefined(item.column, f"an input has {positions} tokens, found {item}")
        return found

    def _sets(self, subject: Expression, operator: str, listed: Sequence[Tokens], binding: Binding) -> Outcome:
        """The set of wrong inputs beside a list of inputs."""
        self._inputs(subject)
        if operator not in ("=", "!=", "<=", ">="):
            raise NotDefined(subject.column, f"sets are compared with =, !=, <= and >=, found {operator}")
        given = frozenset(self._tokens(item, binding) for item in listed)
        wrong, unknown = self.context.words.sets(wanted(subject, binding))
        missing, strange = sorted(wrong - given), sorted(given - wrong - unknown)
        told = f"{len(wrong)} inputs are wrong"
        if operator in ("=", "!=", "<=") and missing:
            witness = f"{_shown(missing[0])} is wrong and not listed; {told}"
            outcome = Outcome(Verdict.FALSE, witness=witness)
        elif operator in ("=", "!=", ">=") and strange:
            outcome = Outcome(Verdict.FALSE, witness=f"{_shown(strange[0])} is listed and not wrong; {told}")
        elif unknown and (operator != ">=" or given & unknown) and (operator != "<=" or unknown - given):
            outcome = Outcome(Verdict.UNDECIDED, gap=f"of {len(unknown)} inputs it is not known")
        else:
            outcome = Outcome(Verdict.TRUE, witness=told)
        return replace(outcome, verdict=~outcome.verdict) if operator == "!=" else outcome

    def _member(self, item: Tokens, subject: Expression, binding: Binding) -> Outcome:
        self._inputs(subject)
        tokens = self._tokens(item, binding)
        if not self.context.statement.task.inputs.holds(tokens):
            raise NotDefined(item.column, f"{_shown(tokens)} is no input of the task")
        wrong, unknown = self.context.words.sets(wanted(subject, binding))
        if tokens in wrong:
            return Outcome(Verdict.TRUE, witness=f"{_shown(tokens)} is wrong")
        if tokens in unknown:
            return Outcome(Verdict.UNDECIDED, gap=f"whether {_shown(tokens)} is wrong is not known")
        return Outcome(Verdict.FALSE, witness=f"{_shown(tokens)} is not among the wrong inputs")

    def _chain(self, parts: Sequence[Expression], operators: Sequence[str], binding: Binding) -> Outcome:
        unit = min((n.unit for n in map(_literal, parts) if n is not None and n.unit is not None), default=None)
        outcome = Outcome(Verdict.TRUE)
        for left, operator, right in zip(parts, operators, parts[1:], strict=False):
            outcome = both(outcome, self._relation(left, operator, right, unit, binding))
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
        a, b = self.values.value(left, binding), self.values.value(right, binding)
        try:
            difference = a - b
        except ShapesDiffer as problem:
            raise ShapesMismatch(left.column, operator, *problem.shapes[0], *problem.shapes[1]) from None
        if left.key == right.key and not difference.exact:
            difference = IntervalMatrix.exactly(difference.shape, [0] * len(difference.lower), Fraction(1))
        verdicts = difference.compare(operator)
        i, j = divmod(tightest(difference, operator, verdicts), difference.shape[1])
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
        accuracy = self.context.vocabulary.accuracy
        note = accuracy.relation() if node == Name("accuracy") and accuracy is not None else ""
        return Measured(text, *value.bounds(i, j), unit, note)

    # Quantifiers

    def _quantified(self, node: Quantified, binding: Binding) -> Outcome:
        """The instances in turn, as long as they matter."""
        if id(node) in self.void:
            return Outcome(Verdict.UNDECIDED)
        binders, body = node.binders, node.body
        ranges = self._ranges(binders, body, binding)
        total = prod(max(0, values.stop - values.start) for values in ranges.values())
        conditions = [binder for binder in binders if isinstance(binder, Compare) and binder.operators]
        if isinstance(node, ForAll) and total > FEW and isinstance(self.context.vocabulary, NetworkWords):
            outcome = self._all_right(node, ranges, conditions, body, binding)
            if outcome is not None:
                return outcome
        limit = self.context.budget.limit(body, frozenset(ranges))
        if total > limit:
            raise Open(f"the quantifier has {total} instances; the budget is {limit}", hopeless=True)
        # what is nested inside shares the budget
        budget = replace(self.context.budget, instances=self.context.budget.instances // max(1, total))
        inside = replace(self, context=replace(self.context, budget=budget))
        self.reached[id(node)] = node
        tally = TALLIES[type(node)](node)
        for values in product(*ranges.values()):
            inner = {**binding, **dict(zip(ranges, values, strict=True))}
            if not all(self._admitted(condition, inner) for condition in conditions):
                continue
            self.met.add(id(node))
            at = "at " + ", ".join(f"{name} = {inner[name]}" for name in ranges)
            settled = tally.add(inside.judge(body, inner), at)
            if settled is not None:
                return settled
        return tally.end()

    def _all_right(
        self,
        node: ForAll,
        ranges: Mapping[str, range],
        conditions: Sequence[Compare],
        body: Statement,
        binding: Binding,
    ) -> Outcome | None:
        """A quantifier over inputs that says that all are right; None for any other."""
        words = self.context.words
        inputs = None if binding else condition(words.statement.task, ranges, conditions, body)
        if inputs is None:
            return None
        self.reached[id(node)] = node
        self.met.add(id(node))
        size = words.about.conditions.on(inputs).task.inputs.size
        if size > USUAL:
            found = words.claim(Wanted("accuracy", inputs))
            told = f"of {found.inputs} instances at least {found.low} and at most {found.high} hold"
            verdict = Verdict.TRUE if found.low == size else Verdict.FALSE if found.high < size else Verdict.UNDECIDED
            return Outcome(verdict, witness=told, gap=told)
        wrong, unknown = words.sets(Wanted(WRONG, inputs))
        if wrong:
            first = min(wrong)
            return Outcome(Verdict.FALSE, witness=f"{_shown(first)} is wrong, and {len(wrong)} of {size} instances are")
        if unknown:
            return Outcome(Verdict.UNDECIDED, gap=f"of {len(unknown)} instances it is not known")
        return Outcome(Verdict.TRUE, witness=f"all {size} instances")

    def _ranges(self, binders: Sequence[Ranging | Compare], body: Statement, binding: Binding) -> dict[str, range]:
        """What each variable runs over, in the order of the text."""
        ranges: dict[str, range] = {}
        declared = {binder.name: binder for binder in binders if isinstance(binder, Ranging)}
        for binder in binders:
            names = [binder.name] if isinstance(binder, Ranging) else [name.name for name in free([binder])]
            for name in names:
                if name not in binding:
                    ranges[name] = (
                        self._range(declared[name], binding)
                        if name in declared
                        else self._named("tokens", binder.column)
                    )
        for name in ranges:
            if name not in body.names:
                raise NotDefined(binders[0].column, f"the variable {name} does not occur after the colon")
        return ranges

    def _range(self, binder: Ranging, binding: Binding) -> range:
        if binder.last is not None:
            first, last = (self.values.integer(end, binding) for end in (binder.first, binder.last))
            return range(first, last + 1)
        if isinstance(binder.first, Name) and binder.first.name in RANGES:
            return self._named(binder.first.name, binder.first.column)
        raise NotDefined(binder.first.column, "expected tokens, positions or a range such as 0..3")

    def _named(self, name: str, column: int) -> range:
        found = self._named_ranges().get(name)
        if found is None:
            raise NotDefined(column, "the positions have different tokens; say which, as in x in 0..5")
        return found

    def _named_ranges(self) -> dict[str, range]:
        task = self.context.statement.task
        tokens = {own for own in task.inputs.sets if len(own) > 1} or set(task.inputs.sets)
        found = {"positions": range(task.positions)}
        own = tokens.pop()
        if not tokens and own == tuple(range(own[0], own[-1] + 1)):
            found["tokens"] = range(own[0], own[-1] + 1)
        return found

    def _admitted(self, condition: Compare, binding: Binding) -> bool:
        values = [self.values.integer(part, binding) for part in condition.parts]
        return all(_INTEGERS[o](a, b) for a, o, b in zip(values, condition.operators, values[1:], strict=False))


_INTEGERS: dict[str, Callable[[int, int], bool]] = {
    "<=": lambda a, b: a <= b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def _shown(tokens: Sequence[int]) -> str:
    return f"({', '.join(map(str, tokens))})"


def _literal(node: Expression) -> Number | None:
    """The number that an expression spells, if it is one, sign included."""
    if isinstance(node, Negate):
        node = node.body
    return node if isinstance(node, Number) else None
