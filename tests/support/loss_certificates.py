"""Certificates about the loss in the checker's tests: true losses, statements of other bounds, and what is found."""

from __future__ import annotations

import base64
import itertools
import json
import re
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import mpmath

from mechproof.engine.certificate import emit
from mechproof.models.problem import statement_of
from mechproof.rewrites.strategies import prove_loss

DIGITS = 60


def real(value: Any) -> Any:
    """A fraction to mpmath's precision."""
    return mpmath.mpf(value.numerator) / value.denominator


def differences(model: Any, tokens: tuple[int, ...]) -> list[Any]:
    """logit_x - logit_m by x != m, from the margins."""
    q, m = tokens[-1], max(tokens)
    scores = [model.score(q, p, t) for p, t in enumerate(tokens)]
    total = mpmath.fsum(mpmath.exp(real(score) / mpmath.sqrt(model.h)) for score in scores)
    return [
        mpmath.fsum(model.margin(q, m, x, p, t) for p, t in enumerate(tokens)) / total for x in range(model.V) if x != m
    ]


def soft(values: Iterable[Any]) -> Any:
    """log(1 + sum of exp)."""
    return mpmath.log1p(mpmath.fsum(map(mpmath.exp, values)))


def total(model: Any) -> Any:
    """The sum of the losses of all sequences, by enumeration."""
    with mpmath.workdps(DIGITS):
        everything = itertools.product(range(model.V), repeat=model.K)
        return mpmath.fsum(soft(differences(model, tokens)) for tokens in everything)


def layer_sum(layers: Sequence[tuple[Any, int]]) -> Any:
    """Every member has the least bound of those that are shown for at least so many."""
    found, known = mpmath.mpf(0), 0
    for number in sorted({number for _, number in layers}):
        found += (number - known) * min(bound for bound, n in layers if n >= number)
        known = number
    return found


def table(numbers: Iterable[int]) -> str:
    """Numbers of 16 bits in base64."""
    values = list(numbers)
    return base64.b64encode(struct.pack(f">{len(values)}H", *values)).decode("ascii")


def numbers(text: str) -> list[int]:
    """The numbers of a table."""
    data = base64.b64decode(text)
    return list(struct.unpack(f">{len(data) // 2}H", data))


def proved(weights: Path, strategy: str) -> tuple[dict[str, Any], str]:
    """The prover's certificate, and the line that its verdict must be."""
    statement = statement_of(weights)
    graph, goal = prove_loss(statement, strategy)
    line = f"s VERIFIED {graph.claim(goal).relation()} sha256:{statement.sha256}"
    return json.loads(emit(graph, goal, statement.sha256)), line


def written(emitter: Any, model: Any, rule: str, advice: Any) -> dict[str, Any]:
    """A certificate by a rule that needs the paths only, which states nothing yet."""
    base = emitter.certificate(model, rule, advice, 0, 0)
    steps = [base["derivations"][n] for n in (0, 1, 3, 4)]
    nothing = {"low": "0x0", "high": "0x0"}
    steps[2] |= {"id": 2, "premises": [1], "conclusion": {"kind": "loss_sum", **nothing}}
    steps[3] |= {"id": 3, "rule": "loss/1", "premises": [2], "conclusion": {"kind": "loss", **nothing}}
    return base | {"relation": {"metric": "loss", **nothing}, "derivations": steps}


def state(certificate: dict[str, Any], model: Any, low: int, high: int) -> dict[str, Any]:
    """State these sums, and the mean that follows from them."""
    inputs = model.V**model.K
    bounds = {"low": hex(low // inputs), "high": hex(-(-high // inputs))}
    certificate["derivations"][-2]["conclusion"].update(low=hex(low), high=hex(high))
    for stated in (certificate["derivations"][-1]["conclusion"], certificate["relation"]):
        stated.update(bounds)
    return certificate


def found(judge: Any, model: Any, certificate: dict[str, Any]) -> tuple[int, int]:
    """The sums that the checker finds itself; its refusal of better ones says them."""
    ends = []
    for side, stated in (("low", (1 << 400, 1 << 401)), ("high", (0, 0))):
        verdict = judge(model, state(certificate, model, *stated))
        if side == "high" and verdict.status == "VERIFIED":
            ends.append(0)
            continue
        assert verdict.code == "E216", verdict.line
        match = re.search(rf"{side} is stated as \d+; found (\d+)", verdict.line)
        assert match is not None, verdict.line
        ends.append(int(match.group(1)))
    return ends[0], ends[1]


def require_tight(judge: Any, model: Any, certificate: dict[str, Any]) -> tuple[int, int]:
    """What the checker finds is verified, by several processes too; one unit better on either side is refused."""
    low, high = found(judge, model, certificate)
    assert judge(model, state(certificate, model, low, high)).status == "VERIFIED"
    assert judge(model, state(certificate, model, low, high + 1), jobs=2).status == "VERIFIED"
    assert judge(model, state(certificate, model, low + 1, high + 1)).code == "E216"
    if high > low:
        assert judge(model, state(certificate, model, low, high - 1)).code == "E216"
    return low, high


def require_true(model: Any, sums: tuple[int, int]) -> None:
    """The sums enclose the truth."""
    with mpmath.workdps(DIGITS):
        low, high = (mpmath.ldexp(end, -128) for end in sums)
        assert low <= total(model) <= high


def is_near(units: int, expected: Any) -> bool:
    """Whether units of 2^-128 are the expected number, but for the rounding of a few thousand logarithms."""
    with mpmath.workdps(DIGITS):
        return bool(abs(mpmath.ldexp(units, -128) - expected) < mpmath.mpf(10) ** -24 * (1 + abs(expected)))
