"""X6: the parts of a product by its largest token and the first place that holds it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mechproof.engine.formula import Num
from mechproof.engine.oracle import examine
from mechproof.rewrites.rules.box_partition import PARTS

STATEMENT: Any = PARTS.statement


def instances(seed: int, count: int) -> Iterator[dict[str, Any]]:
    rng = random.Random(seed)
    for _ in range(count):
        K, V = rng.randint(1, 3), rng.randint(1, 3)
        sets = [rng.sample(range(V), rng.randint(0, V)) for _ in range(K)]
        yield {"K": K, "V": V, "T": sets.__getitem__}


def test_lemma() -> None:
    assert examine(STATEMENT, list(instances(1, 300))).holds


def test_mutants_are_false() -> None:
    """Another relation, one input more, and places that may hold the maximum twice: each is refuted."""
    many = list(instances(2, 300))
    report = examine(STATEMENT, many)
    assert [mutant.change for mutant in report.mutants if mutant.required and not mutant.killed] == []
    assert not all(replace(STATEMENT, right=STATEMENT.right + Num(1)).value(env) for env in many)
