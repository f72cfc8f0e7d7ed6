"""Conditions on inputs: which of them ``accuracy where …`` is about.

A condition is about the tokens t[0], t[1], … (t[-1] is the last): comparisons of whole-number expressions with +, -, *
and the remainder %, max(t), min(t), sum(t), abs, joined by ``and`` and ``not``; ``max`` alone is max(t).  A name is
that of a split, a file of indices that the claims file names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..engine.errors import MechproofError, describe
from ..models.statement import Statement as Problem
from ..models.tasks import expression
from ..models.tasks.restricted import restricted
from ..models.tasks.split import load_split
from .errors import NotDefined
from .tree import Binary, Both, Call, Compare, Defined, Index, Name, Negate, Negation, Node, Number, Statement

Splits = Mapping[str, Path]
OPERATORS = {"+": "+", "-": "-", "*": "*", "%": "%"}
ALONE = ("max", "min", "sum")


@dataclass(frozen=True, eq=False)
class Conditions:
    """Statements about some of a statement's inputs, each found once."""

    problem: Problem
    splits: Splits = field(default_factory=dict)
    _found: dict[str, Problem] = field(default_factory=dict)

    def on(self, condition: Statement | None, inside: Mapping[str, int] | None = None) -> Problem:
        """The network on the inputs that satisfy the condition; on all for None.

        ``inside``: the values of variables in it.  Raises :class:`~.errors.NotDefined`.
        """
        if condition is None:
            return self.problem
        binding = inside or {}
        key = f"{condition.key} {sorted((name, value) for name, value in binding.items())}"
        if key not in self._found:
            try:
                self._found[key] = self._restricted(condition, binding)
            except NotDefined:
                raise
            except MechproofError as error:
                raise NotDefined(condition.column, describe(error)) from None
        return self._found[key]

    def _restricted(self, condition: Statement, binding: Mapping[str, int]) -> Problem:
        task = self.problem.task
        masks: list[np.ndarray] = []
        texts: list[expression.Expression] = []
        for part in _conjuncts(condition):
            inner = part.inner if isinstance(part, Negation) else part
            if isinstance(inner, Compare) and not inner.operators and isinstance(inner.parts[0], Name):
                mask = self._split(inner.parts[0])
                masks.append(~mask if inner is not part else mask)
            else:
                texts.append(expression.parse(_Spelling(task.positions, binding).of(part)))
        return replace(self.problem, task=restricted(task, texts, masks))

    def _split(self, name: Name) -> np.ndarray:
        if name.name not in self.splits:
            known = f"known are {', '.join(self.splits)}" if self.splits else "the file has no table [split]"
            raise NotDefined(name.column, f"there is no split {name.name!r}; {known}")
        return load_split(name.name, self.splits[name.name], self.problem.task)


def _conjuncts(condition: Statement) -> Iterator[Statement]:
    if isinstance(condition, Both):
        yield from _conjuncts(condition.left)
        yield from _conjuncts(condition.right)
    else:
        yield condition


@dataclass(frozen=True)
class _Spelling:
    """A condition as an expression over tokens (:mod:`mechproof.models.tasks.expression`)."""

    positions: int
    binding: Mapping[str, int]

    def of(self, node: Node) -> str:
        match node:
            case Compare(parts, operators) if operators:
                signs = ({"=": "=="}.get(operator, operator) for operator in operators)
                sides = list(map(self.of, parts))
                chain = (f"({a} {sign} {b})" for a, sign, b in zip(sides, signs, sides[1:], strict=False))
                return f"({' and '.join(chain)})"
            case Both(left, right):
                return f"({self.of(left)} and {self.of(right)})"
            case Negation(inner):
                return f"(not {self.of(inner)})"
            case Defined(_, body):
                return self.of(body)
            case Number(value, text=text):
                if value.denominator == 1 and not text.endswith("%"):
                    return str(value.numerator)
            case Negate(body):
                return f"(-{self.of(body)})"
            case Binary(operator, left, right) if operator in OPERATORS:
                return f"({self.of(left)} {OPERATORS[operator]} {self.of(right)})"
            case Name(name) if name in self.binding:
                return f"({self.binding[name]})" if self.binding[name] >= 0 else f"(-{-self.binding[name]})"
            case Name("max" | "min" | "sum" as name):
                return f"{name}(t)"
            case Call("max" | "min" | "sum" as name, (Name("t"),)):
                return f"{name}(t)"
            case Call("max" | "min" as name, (_, _, *_)):
                return f"{name}({', '.join(map(self.of, node.arguments))})"
            case Call("abs", (body,)):
                return f"abs({self.of(body)})"
            case Index(Name("t"), (subscript,)) if subscript.single and subscript.first is not None:
                return f"t[{self._place(subscript.first)}]"
        expected = "t[0] to t[-1], whole numbers, + - * %, max(t), min(t), sum(t), abs, comparisons, and, not"
        raise NotDefined(node.column, f"a condition on inputs has {expected}; found {node}")

    def _place(self, node: Node) -> int:
        sign, inner = (-1, node.body) if isinstance(node, Negate) else (1, node)
        if isinstance(inner, Name) and inner.name in self.binding:
            found = sign * self.binding[inner.name]
        elif isinstance(inner, Number) and inner.value.denominator == 1:
            found = sign * inner.value.numerator
        else:
            raise NotDefined(node.column, f"expected a position as a whole number, found {node}")
        place = found + self.positions if found < 0 else found
        if not 0 <= place < self.positions:
            raise NotDefined(node.column, f"t[{found}] of inputs that have {self.positions} positions, from 0")
        return place
