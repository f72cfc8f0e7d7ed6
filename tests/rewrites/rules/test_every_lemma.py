"""No lemma without an oracle test: a new file in rewrites/rules needs its test file, with mutants."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from mechproof.engine.formula import At, Env, Formula, Members, Range, Sequences, Var
from mechproof.engine.rule import Lemma, Rule
from mechproof.rewrites import rules

HERE = Path(__file__).parent
MODULES = {
    info.name.removeprefix(f"{rules.__name__}."): importlib.import_module(info.name)
    for info in pkgutil.walk_packages(rules.__path__, f"{rules.__name__}.")
}
LEMMAS = {
    f"{module}.{name}": (name, module, lemma)
    for module, code in MODULES.items()
    for name, lemma in vars(code).items()
    if isinstance(lemma, Lemma) and f"\n{name} = Lemma(" in Path(code.__file__ or "").read_text()
}


@pytest.mark.parametrize("key", LEMMAS)
def test_every_lemma_is_evaluated_and_mutated(key):
    """The test file of its module imports the lemma, and has a test of the statement and one of mutants."""
    name, module, lemma = LEMMAS[key]
    tree = ast.parse((HERE / f"test_{module.replace('.', '_')}.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    tests = [
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert name in imported
    assert any("lemma" in test for test in tests)
    assert any("mutant" in test or "mutated" in test for test in tests)
    assert lemma.given and lemma.proof and lemma.source


def test_labels_are_unique_and_derivations_cite_them():
    """A citation [@label] in a rule's derivation is the label of one of the rule's own lemmas."""
    labels = [lemma.label for *_, lemma in LEMMAS.values()]
    assert len(set(labels)) == len(labels) >= 6
    found = [
        rule
        for code in MODULES.values()
        for rule in vars(code).values()
        if isinstance(rule, type)
        and issubclass(rule, Rule)
        and not inspect.isabstract(rule)
        and rule.__module__ == code.__name__
    ]
    assert len(found) >= 7
    for rule in found:
        cited = {part.split("]")[0] for part in rule.derivation.split("[@")[1:]}
        assert cited == {lemma.label for lemma in rule.lemmas}, rule.name


# What the words of a lemma demand of its scalars, for those whose statement leaves a size open; tables are constant.
DEMANDED: dict[str, Callable[[Env], bool]] = {
    "attention-floor": lambda env: env["x"] >= 0,
    "attention-range": lambda env: 0 <= env["x"] <= env["y"],
    "cross-entropy": lambda env: 0 <= env["m"] < env["V"],
    "diagonal-margin": lambda env: env["\\alpha"] == 1,
    "difference-enclosed": lambda env: env["D"] >= 0 and env["\\rho"] >= 0,
    "float-mixture": lambda env: min(env[name] for name in ("\\eta", "\\beta", "g", "s")) >= 0,
    "float-softmax": lambda env: min(env[name] for name in ("f", "g", "\\tau")) >= 0 and env["g"] == 0,
    "float-sum": lambda env: env["g"] >= 0 and env["s"] >= 0,
    "gap-count": lambda env: env["m"] > env["j"] >= 0 and env["n"] >= 0,
    "grid-steps": lambda env: env["\\beta^{-}"] <= env["\\beta"] <= env["\\beta^{+}"] and env["\\delta"] > 0,
    "norm-of-a-sum": lambda env: env["X"] >= 0 and env["Y"] >= 0,
    "remainder-by-norms": lambda env: env["D"] >= 0 and env["\\rho"] >= 0,
    "rest-by-norms": lambda env: env["D"] >= 0 and env["\\rho"] >= 0,
    "smallest-numbers": lambda env: env["N"] > 0 or env["k"] == 0,
    "tilted-average": lambda env: env["r"] >= 1,
    "two-ends": lambda env: 0 <= env["c"] <= env["L"],
}


def nodes(node: Any) -> Iterator[Any]:
    """A formula's parts, itself first."""
    yield node
    for field in fields(node):
        value = getattr(node, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            if is_dataclass(part):
                yield from nodes(part)


def degenerate(statement: Formula) -> Iterator[tuple[str, Env]]:
    """Every size of the statement set to nothing while the other sizes are one or two, with constant tables and all
    scalars from -1, 0, 1, 2."""
    parts = list(nodes(statement))
    ends = [part.high for part in parts if isinstance(part, Range)]
    ends += [part.length for part in parts if isinstance(part, Sequences)]
    bound = {part.var.name for part in parts if isinstance(getattr(part, "var", None), Var)}
    sizes = {part.name for end in ends for part in nodes(end) if isinstance(part, Var)} - bound
    within = [part for member in parts if isinstance(member, Members) for part in nodes(member.of)]
    tables: dict[str, Any] = {part.name: lambda *_: 1 for part in parts if isinstance(part, At)}
    tables |= {part.tokens: lambda _: {0} for part in parts if isinstance(part, Sequences)}
    tables |= {part.name: {0} if isinstance(part, Var) else lambda _: {0} for part in within
               if isinstance(part, Var | At)}  # fmt: skip
    # the number of choices; numbers of members that begin with none
    special = {"C": lambda places, chosen: int(places == chosen == 0), "n": lambda _: 0}
    tables |= {name: table for name, table in special.items() if name in tables}
    scalars = sorted({part.name for part in parts if isinstance(part, Var)} - bound - sizes - tables.keys())
    for size in sorted(sizes):
        for others in itertools.product((1, 2), repeat=len(sizes) - 1):
            given = dict(zip(sorted(sizes - {size}), others, strict=True)) | {size: 0}
            for values in itertools.product((-1, 0, 1, 2), repeat=len(scalars)):
                yield size, tables | given | dict(zip(scalars, values, strict=True))


STATEMENTS: dict[str, tuple[Lemma, Formula]] = {
    key: (lemma, lemma.statement) for key, (*_, lemma) in LEMMAS.items() if isinstance(lemma.statement, Formula)
}


@pytest.mark.parametrize("key", STATEMENTS)
def test_sizes_of_nothing(key):
    """A lemma holds where one of its sizes is 0, or its words exclude that: no 0/0, no largest of no numbers."""
    lemma, statement = STATEMENTS[key]
    demanded = DEMANDED.get(lemma.label, lambda env: True)
    for size, env in degenerate(statement):
        stated = re.search(re.escape(size) + r" \\ge [12]", lemma.given)
        if not stated and demanded(env):
            shown = {key: value for key, value in env.items() if isinstance(value, int)}
            try:
                holds = statement.value(env)
            except (ArithmeticError, ValueError) as problem:
                pytest.fail(f"{lemma.label} means nothing for {shown}: {problem}")
            assert holds, f"{lemma.label} is false for {shown}"
