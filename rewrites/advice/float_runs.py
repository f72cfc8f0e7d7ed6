"""Actual float runs of a network with torch: what a theorem about all of them is compared with.

Nothing rests on this.  Several programs that the theorem covers run on the same inputs; the largest error of a logit
difference is measured against the exact values, and the inputs on which runs differ in what they return are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from flint import arb, arb_mat, fmpz

from ...engine.arithmetic.ball import precision
from ...models.one_layer import one_layer_of
from ...models.training.network import require_torch
from ..rules.float_margin import FloatMargin
from .float_programs import programs

SAMPLE = 4096
REFERENCE_BITS = 160
DRAWN = 16


@dataclass(frozen=True)
class Contradiction:
    """A program that was right (wrong) on an input on which the theorem says that every run is wrong (right)."""

    program: str
    tokens: tuple[int, ...]
    right: bool

    def __str__(self) -> str:
        found, said = ("right", "wrong") if self.right else ("wrong", "right")
        told = ",".join(map(str, self.tokens))
        return f"the program {self.program!r} is {found} on {told}, where every run should be {said}"


@dataclass
class Observation:
    """What runs of ``programs`` did on ``inputs`` inputs.

    ``largest`` is the largest error of a logit difference (to the logit of the largest token), ``broken`` what
    contradicts the theorem, ``open_wrong`` how many runs were wrong on each input in between that was tried,
    ``skipped`` the programs that did not run, with the reason.
    """

    inputs: int = 0
    programs: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    largest: float = 0.0
    broken: list[Contradiction] = field(default_factory=list)
    open_wrong: dict[tuple[int, ...], int] = field(default_factory=dict)
    real_wrong: set[tuple[int, ...]] = field(default_factory=set)

    @property
    def flipped(self) -> int:
        """On so many of the inputs in between some run returned something else than the real function."""
        return sum(
            runs != (len(self.programs) if tokens in self.real_wrong else 0) for tokens, runs in self.open_wrong.items()
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "inputs": self.inputs,
            "programs": self.programs,
            "skipped": self.skipped,
            "largest_error": self.largest,
            "contradictions": [
                {"program": one.program, "tokens": list(one.tokens), "right": one.right} for one in self.broken
            ],
            "between": [
                {"tokens": list(tokens), "wrong_runs": runs, "real_right": tokens not in self.real_wrong}
                for tokens, runs in self.open_wrong.items()
            ],
            "flipped": self.flipped,
        }


def observe(
    margin: FloatMargin,
    open_inputs: Sequence[tuple[int, ...]],
    sample: int = SAMPLE,
    *,
    compiled: bool = False,
    seen: Observation | None = None,
) -> Observation:
    """Run every program on a sample of inputs and on ``open_inputs``; raises TorchMissing without torch.

    What is seen is written into ``seen`` program by program, so that it is there also if the work is cut off.
    """
    seen = Observation() if seen is None else seen
    torch = require_torch()
    inputs = [*map(tuple, open_inputs), *_sample(margin, sample)]
    tokens, largest_token = torch.tensor(inputs), torch.tensor([max(row) for row in inputs])
    exact = exact_differences(margin, inputs)
    seen.inputs = len(inputs)
    seen.real_wrong = {row for row, values in zip(inputs, exact, strict=True) if sum(values >= 0) > 1}
    wrong = np.zeros(len(inputs), dtype=int)
    claims = _Claims(margin, seen.real_wrong)
    for name, run in programs(margin.statement, compiled=compiled):
        try:
            logits = run(tokens).double()
        except (RuntimeError, NotImplementedError, ImportError) as error:
            seen.skipped[name] = str(error).splitlines()[0][:200]
            continue
        seen.programs.append(name)
        found = (logits - logits.gather(1, largest_token[:, None])).numpy()
        seen.largest = max(seen.largest, float(np.abs(found - exact).max()))
        answers = (found >= 0).sum(axis=1) > 1
        wrong += answers
        for row, differences, is_wrong in zip(inputs, found, answers, strict=True):
            if claims.denied(row, differences, bool(is_wrong)):
                seen.broken.append(Contradiction(name, row, not is_wrong))
    seen.open_wrong = {row: int(runs) for row, runs in zip(inputs[: len(open_inputs)], wrong, strict=False)}
    return seen


class _Claims:
    """What the theorem says of single inputs, looked at only where a run might contradict it."""

    def __init__(self, margin: FloatMargin, real_wrong: set[tuple[int, ...]]) -> None:
        self._sign, self._real_wrong = cache(margin.sign), real_wrong

    def denied(self, row: tuple[int, ...], differences: np.ndarray, wrong: bool) -> bool:
        """Whether a run with these differences, wrong or right on the input, contradicts the theorem.

        It says that all runs are right if all signs are -1, and that all are wrong if one is 1; then the real function
        is wrong too, which is a float run.
        """
        q, m = row[-1], max(row)
        if not wrong and row not in self._real_wrong:
            return False
        others = [int(x) for x in np.argsort(-differences) if x != m]
        signs = (self._sign(q, m, x, row) for x in others)
        return all(sign == -1 for sign in signs) if wrong else 1 in signs


def _sample(margin: FloatMargin, count: int) -> list[tuple[int, ...]]:
    """All sequences if they are so few; otherwise half at random, and half where attention is divided the most.

    Errors of scores matter there, so that the largest errors are found among them.
    """
    layer = one_layer_of(margin.statement)
    vocabulary, length = layer.d_vocab, layer.n_ctx
    if vocabulary**length <= count:
        return list(product(range(vocabulary), repeat=length))
    drawn = np.random.default_rng(0).integers(vocabulary, size=(DRAWN * count, length))
    root = layer.d_head**0.5
    tokens, positions = (
        np.array([[float(entry) for entry in row] for row in margin.paths.tables[name].fractions()]) / root
        for name in ("EQKE", "EQKP")
    )
    scores = tokens[drawn[:, -1:], drawn] + positions[drawn[:, -1]]
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    divided = 1 - (weights / weights.sum(axis=1, keepdims=True)).max(axis=1)
    half = count // 2
    chosen = np.concatenate([drawn[: count - half], drawn[np.argsort(-divided, kind="stable")[:half]]])
    return [tuple(row) for row in chosen.tolist()]


def exact_differences(margin: FloatMargin, inputs: Sequence[tuple[int, ...]]) -> np.ndarray:
    """logit_x - logit_m of the rounded weights' real function, inputs × outputs, correct to a float64's last bits."""
    paths = margin.paths
    uu, evou, pvou = (paths.tables[name] for name in ("UU", "EVOU", "PVOU"))
    rows = []
    with precision(REFERENCE_BITS):
        root = arb(one_layer_of(margin.statement).d_head).sqrt()
        exponent = arb((fmpz(1), fmpz(paths.score_exponent)))
        values = {
            name: [[arb((entry, fmpz(table.exponent))) for entry in row] for row in table.numerators.tolist()]
            for name, table in (("UU", uu), ("EVOU", evou), ("PVOU", pvou))
        }
        for tokens in inputs:
            q, m = tokens[-1], max(tokens)
            weights = [(paths.score(q, p, t) * exponent / root).exp() for p, t in enumerate(tokens)]
            total = sum(weights, arb(0))
            parts = arb_mat([weights]) * arb_mat(
                [
                    [a + b for a, b in zip(values["EVOU"][t], values["PVOU"][p], strict=True)]
                    for p, t in enumerate(tokens)
                ]
            )
            logits = [parts[0, x] / total + direct for x, direct in enumerate(values["UU"][q])]
            rows.append([float((logit - logits[m]).mid()) for logit in logits])
    return np.array(rows)
