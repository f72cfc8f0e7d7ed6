"""Testing a lemma's statement on instances: is it true, is it attained, and would a wrong one be noticed.

Instances are environments of small exact numbers (see :mod:`.formula`).  The statement must hold on all of them;
with ``<=`` made strict it must fail on one, so that the bound is tight somewhere; and a statement whose inequality
is turned round, or whose premise is dropped, must fail on one, or the instances are too tame to have tested
anything (they should also include some on which a premise is false).  Two more kinds of mutants are only reported,
since the changed statement may be true as well: another extreme (a maximum for a minimum), and a number off by one.

>>> from .formula import At, ForAll, Max, Num, Range, Var
>>> p, j, K = Var("p"), Var("j"), Var("K")
>>> lemma = ForAll(p, Range(Num(0), K), At("a", p) <= Max(j, Range(Num(0), K), At("a", j)))
>>> report = examine(lemma, [{"K": 2, "a": [3, 1].__getitem__}, {"K": 1, "a": [5].__getitem__}])
>>> report.holds, report.attained, [mutant.killed for mutant in report.mutants]
(True, True, [True, True])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from .formula import IMPLIES, Connective, Domain, Env, Formula, Max, Min, Num, Relation
from .transcript.plain import plain_formula

TURNED = {"\\le": "\\ge", "\\ge": "\\le", "<": ">", ">": "<", "=": "\\ne", "\\ne": "="}
STRICT = {"\\le": "<", "\\ge": ">"}


@dataclass(frozen=True)
class Mutant:
    """A changed statement, what was changed, whether an instance makes it false, and whether one has to."""

    change: str
    statement: Formula
    killed: bool
    required: bool


@dataclass(frozen=True)
class Report:
    """What the instances say: the first on which the statement is false (None if there is none), tightness, mutants."""

    counterexample: Env | None
    attained: bool
    mutants: tuple[Mutant, ...]
    instances: int

    @property
    def holds(self) -> bool:
        return self.counterexample is None

    @property
    def passed(self) -> bool:
        """True on all instances, attained on one, and every required mutant killed."""
        return self.holds and self.attained and all(mutant.killed for mutant in self.mutants if mutant.required)


def examine(statement: Formula, instances: Sequence[Env]) -> Report:
    """The report for a statement on these instances (a statement without a weak inequality counts as attained)."""
    counterexample = next((env for env in instances if not statement.value(env)), None)
    strict = list(_changed(statement, _made_strict))
    attained = not strict or any(fails(formula, instances) for _, formula in strict)
    mutants = tuple(
        Mutant(change, formula, fails(formula, instances), required) for change, formula, required in mutated(statement)
    )
    return Report(counterexample, attained, mutants, len(instances))


def fails(statement: Formula, instances: Sequence[Env]) -> bool:
    """Whether some instance makes the statement false."""
    return any(not statement.value(env) for env in instances)


def mutated(statement: Formula) -> Iterator[tuple[str, Formula, bool]]:
    """Every single change of the kinds above, with what was changed and whether it has to be noticed."""
    for change, required in ((_turned, True), (_premise_dropped, True), (_other_extreme, False), (_off_by_one, False)):
        yield from ((what, formula, required) for what, formula in _changed(statement, change))


def _turned(node: Any) -> tuple[str, Any] | None:
    if not isinstance(node, Relation):
        return None
    return f"'{plain_formula(node.latex())}' turned round", replace(node, sign=TURNED[node.sign])


def _made_strict(node: Any) -> tuple[str, Any] | None:
    if not isinstance(node, Relation) or node.sign not in STRICT:
        return None
    return f"'{plain_formula(node.latex())}' made strict", replace(node, sign=STRICT[node.sign])


def _premise_dropped(node: Any) -> tuple[str, Any] | None:
    if not isinstance(node, Connective) or node.sign != IMPLIES:
        return None
    return f"premise '{plain_formula(node.left.latex())}' dropped", node.right


def _other_extreme(node: Any) -> tuple[str, Any] | None:
    if not isinstance(node, Max | Min):
        return None
    other = Min if isinstance(node, Max) else Max
    return f"'{plain_formula(node.latex())}' with the other extreme", other(node.var, node.domain, node.body)


def _off_by_one(node: Any) -> tuple[str, Any] | None:
    if not isinstance(node, Num) or node.number == 0:
        return None
    return f"{node.number} replaced by {node.number - 1}", Num(node.number - 1)


def _changed(node: Any, change: Callable[[Any], tuple[str, Any] | None]) -> Iterator[tuple[str, Any]]:
    """The node with one change somewhere in it, for every place where the change applies.

    Premises are left alone (to change one is to state another lemma), and so is what variables run over.
    """
    here = change(node)
    if here is not None:
        yield here
    if not is_dataclass(node) or isinstance(node, Domain):
        return
    premise = isinstance(node, Connective) and node.sign == IMPLIES
    for field in fields(node):
        value = getattr(node, field.name)
        if premise and field.name == "left":
            continue
        if is_dataclass(value):
            for what, new in _changed(value, change):
                yield what, _with(node, field.name, new)
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                for what, new in _changed(item, change):
                    yield what, _with(node, field.name, (*value[:index], new, *value[index + 1 :]))


def _with(node: Any, name: str, value: Any) -> Any:
    """A copy of a frozen node with one field replaced, also where the constructor takes other arguments."""
    copy = object.__new__(type(node))
    for field in fields(node):
        object.__setattr__(copy, field.name, value if field.name == name else getattr(node, field.name))
    return copy
