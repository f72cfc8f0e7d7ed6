"""Actual float runs of a network with torch: what a theorem about all of them is compared with.

Nothing rests on this.  Several programs that the theorem covers run on the same inputs; the largest error of a logit
difference is measured against the exact values, and the inputs on which runs differ in what they return are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import arb, arb_mat, fmpz

from ...engine.arithmetic.ball import precision
from ...models.float_statement import FloatStatement
from ...models.training.network import require_torch
from ..rules.float_margin import FloatMargin

if TYPE_CHECKING:
    from torch import Tensor

    Weights = dict[str, Tensor]
    Program = Callable[[Weights, Tensor], Tensor]

SAMPLE = 4096
REFERENCE_BITS = 160
DRAWN = 16


@dataclass
class Observation:
    """What runs of ``programs`` did on ``inputs`` inputs.

    ``largest`` is the largest error of a logit difference (to the logit of the largest token), ``broken`` the inputs on
    which a run contradicts the theorem, ``open_wrong`` how many runs were wrong on each input in between that was
    tried, ``skipped`` the programs that did not run, with the reason.
    """

    inputs: int
    programs: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    largest: float = 0.0
    broken: list[tuple[int, ...]] = field(default_factory=list)
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
            "contradictions": [list(tokens) for tokens in self.broken],
            "between": [
                {"tokens": list(tokens), "wrong_runs": runs, "real_right": tokens not in self.real_wrong}
                for tokens, runs in self.open_wrong.items()
            ],
            "flipped": self.flipped,
        }


def observe(
    margin: FloatMargin, open_inputs: Sequence[tuple[int, ...]], sample: int = SAMPLE, *, compiled: bool = False
) -> Observation:
    """Run every program on a sample of inputs and on ``open_inputs``; raises TorchMissing without torch."""
    torch = require_torch()
    inputs = [*map(tuple, open_inputs), *_sample(margin, sample)]
    tokens, largest_token = torch.tensor(inputs), torch.tensor([max(row) for row in inputs])
    exact = exact_differences(margin, inputs)
    seen = Observation(len(inputs))
    seen.real_wrong = {row for row, values in zip(inputs, exact, strict=True) if sum(values >= 0) > 1}
    wrong = np.zeros(len(inputs), dtype=int)
    for name, run in programs(margin.statement, compiled=compiled):
        try:
            logits = run(tokens).double()
        except (RuntimeError, NotImplementedError, ImportError) as error:
            seen.skipped[name] = str(error).splitlines()[0][:200]
            continue
        seen.programs.append(name)
        found = (logits - logits.gather(1, largest_token[:, None])).numpy()
        seen.largest = max(seen.largest, float(np.abs(found - exact).max()))
        wrong += (found >= 0).sum(axis=1) > 1
    seen.open_wrong = {row: int(runs) for row, runs in zip(inputs[: len(open_inputs)], wrong, strict=False)}
    seen.broken = [
        row for row, runs in zip(inputs, wrong, strict=True) if _contradicts(margin, row, runs, len(seen.programs))
    ]
    return seen


def _contradicts(margin: FloatMargin, row: tuple[int, ...], wrong: int, runs: int) -> bool:
    """Whether the theorem says that all runs are right and one is wrong, or the other way round."""
    if wrong:
        others = (x for x in range(margin.statement.task.d_vocab) if x != max(row))
        signs = [margin.sign(row[-1], max(row), x, row) for x in others]
        return all(sign == -1 for sign in signs) or (wrong < runs and 1 in signs)
    return False


def _sample(margin: FloatMargin, count: int) -> list[tuple[int, ...]]:
    """All sequences if they are so few; otherwise half at random, and half where attention is divided the most.

    Errors of scores matter there, so that the largest errors are found among them.
    """
    vocabulary, length = margin.statement.task.d_vocab, margin.statement.task.n_ctx
    if vocabulary**length <= count:
        return list(product(range(vocabulary), repeat=length))
    drawn = np.random.default_rng(0).integers(vocabulary, size=(DRAWN * count, length))
    root = margin.statement.network.d_head**0.5
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
        root = arb(margin.statement.network.d_head).sqrt()
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


def programs(statement: FloatStatement, *, compiled: bool = False) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
    """Named programs that the theorem covers: tokens (inputs × K) to logits at the last position.

    With ``compiled`` also what torch.compile makes of one, which takes a while.
    """
    torch = require_torch()
    weights = _weights(statement)
    count = torch.get_num_threads()

    def running(program: Program, threads: int = 1, batch: int = 1 << 12, turned: bool = False) -> Any:
        def run(tokens: Tensor) -> Tensor:
            order = torch.arange(len(tokens)).flip(0) if turned else torch.arange(len(tokens))
            with torch.inference_mode(), _threads(threads):
                out = torch.cat([program(weights, part) for part in tokens[order].split(batch)])
            return out[order]

        return run

    yield "eager, one thread", running(_forward)
    yield f"eager, {max(2, count)} threads, small batches in reverse order", running(_forward, max(2, count), 37, True)
    yield "einsum, as in TransformerLens", running(_einsum)
    yield "last position only, bias fused", running(_last)
    if compiled:
        yield "torch.compile", running(torch.compile(_forward))


@contextmanager
def _threads(count: int) -> Iterator[None]:
    torch = require_torch()
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _weights(statement: FloatStatement) -> Weights:
    """The stored weights, converted by torch; float64 holds every stored number."""
    torch = require_torch()
    kind = getattr(torch, statement.format.name)
    found = {}
    for name, matrix in statement.network.tensors.items():
        exact = np.array([[float(entry) for entry in row] for row in matrix.fractions()])
        found[name] = torch.tensor(exact if name.startswith("W_") else exact[0], dtype=torch.float64).to(kind)
    return found


def _forward(w: Weights, tokens: Tensor) -> Tensor:
    residual = w["W_E"][tokens] + w["W_pos"]
    q, k, v = (residual @ w[f"W_{name}"] + w[f"b_{name}"] for name in "QKV")
    scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
    later = require_torch().ones(tokens.shape[1], tokens.shape[1], dtype=bool).triu(1)
    attended = scores.masked_fill(later, -float("inf")).softmax(-1) @ v
    return ((residual + attended @ w["W_O"] + w["b_O"]) @ w["W_U"] + w["b_U"])[:, -1]


def _einsum(w: Weights, tokens: Tensor) -> Tensor:
    torch = require_torch()
    residual = w["W_E"][tokens] + w["W_pos"]
    q, k, v = (torch.einsum("bpd,ndh->bpnh", residual, w[f"W_{name}"][None]) + w[f"b_{name}"] for name in "QKV")
    scores = torch.einsum("bqnh,bknh->bnqk", q, k) / q.shape[-1] ** 0.5
    later = torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool).triu(1)
    pattern = torch.where(later, -float("inf"), scores).softmax(-1)
    z = torch.einsum("bknh,bnqk->bqnh", v, pattern)
    out = torch.einsum("bqnh,nhd->bqd", z, w["W_O"][None]) + w["b_O"]
    return torch.einsum("bqd,dv->bqv", residual + out, w["W_U"])[:, -1] + w["b_U"]


def _last(w: Weights, tokens: Tensor) -> Tensor:
    torch = require_torch()
    residual = w["W_E"][tokens] + w["W_pos"]
    flat, last = residual.reshape(-1, residual.shape[-1]), residual[:, -1]
    q = torch.addmm(w["b_Q"], last, w["W_Q"])
    k, v = (torch.addmm(w[f"b_{name}"], flat, w[f"W_{name}"]).reshape(*tokens.shape, -1) for name in "KV")
    pattern = ((k @ q[:, :, None]) / q.shape[-1] ** 0.5).softmax(1)
    out = torch.addmm(w["b_O"], (pattern.transpose(1, 2) @ v)[:, 0], w["W_O"])
    return torch.addmm(w["b_U"], last + out, w["W_U"])
