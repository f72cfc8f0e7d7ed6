"""A float run that errs where it hurts: every error that a run may make is a variable, and all go uphill together.

Reads the model of a run (docs/certificate.md, §10.1) a second time, in torch's float64, for coarse arithmetics; shares
nothing with mechproof.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

Rows = Sequence[Sequence[Fraction]]


def table(rows: Rows) -> Tensor:
    return torch.tensor([[float(value) for value in row] for row in rows], dtype=torch.float64)


@dataclass
class Errors:
    """Variables between -1 and 1 by name, made when they are first asked for."""

    generator: torch.Generator
    found: dict[str, Tensor] = field(default_factory=dict)

    def of(self, name: str, *shape: int) -> Tensor:
        if name not in self.found:
            start = torch.rand(shape, generator=self.generator, dtype=torch.float64) * 2 - 1
            self.found[name] = start.requires_grad_()
        return self.found[name]

    def uphill(self, goal: Tensor) -> None:
        """To the ends to which the slopes point: the goal is nearly linear in each."""
        slopes = torch.autograd.grad(goal, list(self.found.values()), allow_unused=True)
        with torch.no_grad():
            for value, slope in zip(self.found.values(), slopes, strict=True):
                if slope is not None:
                    value.copy_(torch.where(slope == 0, value, slope.sign()))


@dataclass
class Adversary:
    """``once`` and ``twice``: the weights after either rounding; ``unit``, ``storage``, ``kappa``: of an operation, of
    storing, of the exponential; ``order``: in which the parts of the residual are added."""

    once: Mapping[str, Tensor]
    twice: Mapping[str, Tensor]
    unit: float
    storage: float
    kappa: float
    order: Sequence[str] = ("z W_O", "b_O", "x")

    def logits(self, tokens: Sequence[int], errors: Errors) -> tuple[Tensor, Tensor]:
        """The logarithms of the run's exponentials, and its logits."""
        u, s = self.unit, self.storage

        def off(value: Tensor, size: float, name: str) -> Tensor:
            return value * (1 + size * errors.of(name, *value.shape))

        def added(value: Tensor, roundings: int, name: str) -> Tensor:
            return off(value, roundings * u / (1 - roundings * u), name)

        def held(name: str) -> Tensor:
            once, twice = self.once[name], self.twice[name]
            if torch.equal(once, twice):
                return once
            return once + (twice - once) * (1 + errors.of(f"weights {name}", *once.shape)) / 2

        w = {name: held(name) for name in self.once}
        has = {name: bool(w[name].abs().max() > 0) for name in w}
        length, head = len(tokens), w["W_O"].shape[0]

        def product(rows: Tensor, weight: str, bias: str, name: str) -> Tensor:
            """Rows times weights, perhaps stored, plus a bias."""
            roundings = w[weight].shape[0] + has[bias]
            total = added(rows[:, :, None] * w[weight], roundings, f"sum {name}").sum(1)
            if not has[bias]:
                return total
            own = added(w[bias].expand(len(rows), -1), roundings, f"sum {name} bias")
            return off(total, s, f"{name} before its bias") + own

        x = off(w["W_E"][list(tokens)] + w["W_pos"], u, "sum x")
        q = off(product(off(x[-1:], s, "x for q"), "W_Q", "b_Q", "q"), s, "q")
        k = off(product(off(x, s, "x for k"), "W_K", "b_K", "k"), s, "k")
        v = off(product(off(x, s, "x for v"), "W_V", "b_V", "v"), s, "v")
        raw = off(added(q * k, head, "sum q k").sum(1), s, "q k")
        scale = off(off(torch.tensor(head**-0.5, dtype=torch.float64), 2 * u, "c"), s, "c stored")
        scale = off(off(scale, u, "1/c"), s, "1/c stored")
        scores = off(off(raw * scale, u, "s"), s, "s stored")
        below = off(off(scores - scores.max(), u, "s - max s"), s, "s - max s stored")
        logarithms = below + torch.log(off(torch.ones(length, dtype=torch.float64), self.kappa, "exp"))
        powers = logarithms.exp()
        total = added(off(powers, s, "e added"), length, "sum e").sum()
        turned = off(off(1 / off(total, s, "sum e stored"), u, "1/sum e"), s, "1/sum e stored")
        pattern = off(off(off(powers, s, "e divided") * turned, u, "a"), s, "a stored")
        z = off(added(pattern[:, None] * v, length, "sum a v").sum(0), s, "z")
        beside = 1 + has["b_O"]
        additions = head + beside - 1
        parts = {
            "x": added(off(x[-1], s, "x for r"), additions, "sum r, x"),
            "b_O": added(w["b_O"][0], additions, "sum r, b_O"),
            "z W_O": off(added(z[:, None] * w["W_O"], additions + 1, "sum r, z W_O").sum(0), s, "z W_O"),
        }
        first, *others = (parts[name] for name in self.order if name != "b_O" or has["b_O"])
        for place, part in enumerate(others):
            first = off(first + part, s, f"{place} parts of r added")
        return logarithms, off(product(first[None], "W_U", "b_U", "logits")[0], s, "logits")

    def most(self, tokens: Sequence[int], goal: Callable[[Tensor, Tensor], Tensor], seed: int, steps: int = 6) -> float:
        """The largest value of a goal that climbing finds."""
        errors, best = Errors(torch.Generator().manual_seed(seed)), -float("inf")
        for _ in range(steps):
            value = goal(*self.logits(tokens, errors))
            best = max(best, value.item())
            if not value.requires_grad:
                break
            errors.uphill(value)
        return best


def shares(exact: Mapping[str, Rows], errors: Mapping[str, Rows], head: int, tokens: Sequence[int]) -> dict[str, Any]:
    """Goals: what a run makes of the errors that five tables allow, for each logit (both ways) and for two scores."""
    value, room = ({name: table(rows) for name, rows in of.items()} for of in (exact, errors))
    q, places = tokens[-1], range(len(tokens))

    def scores(of: Mapping[str, Tensor]) -> Tensor:
        return (of["EQKE"][q][list(tokens)] + of["EQKP"][q]) / head**0.5

    def logits(of: Mapping[str, Tensor]) -> Tensor:
        return of["UU"][q] + of["EVOU"][list(tokens)] + of["PVOU"]

    found: dict[str, Any] = {}
    real, allowed, off, most = logits(value), logits(room), scores(value), scores(room)
    for x in range(real.shape[1]):
        for side in (1, -1):

            def logit(logarithms: Tensor, computed: Tensor, x: int = x, side: int = side) -> Tensor:
                share = logarithms.softmax(0)
                return side * (computed[x] - share @ real[:, x]) / (share @ allowed[:, x])

            found[f"logit {x}, {side}"] = logit
    for p in places:
        for j in places:
            if p != j:

                def score(logarithms: Tensor, computed: Tensor, p: int = p, j: int = j) -> Tensor:
                    moved = logarithms - off
                    return (moved[p] - moved[j]) / (most[p] + most[j])

                found[f"scores {p}, {j}"] = score
    return found
