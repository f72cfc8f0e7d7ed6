"""Losses from gaps in the checker: what the prover writes is verified, what is better than true never, and refusals."""

from __future__ import annotations

import base64
import struct
from pathlib import Path
from typing import Any

import mpmath
import pytest
from loss_certificates import proved, total

from mechproof.engine.checker import check
from mechproof.engine.checker.rule_gap_loss import log_sum

RULE = "gap_loss/1"
# Steps of about a microsecond; V = 64, K = 4, d = 32.
LIMIT = 20_000_000


MODELS = [
    ("pulled_model", (0, 4, 3, 0.3)),
    ("random_model", (5, 3, 4, 2, 3, False)),
    ("tied_model", (1, 3, 3)),
    ("random_model", (7, 4, 1, 3, 2, True)),
    ("pulled_model", (0, 1, 3, 0.3)),
]


@pytest.mark.parametrize(("kind", "arguments"), MODELS)
@pytest.mark.parametrize("configuration", ["subcubic", "subcubic/mean/mean/mrec", "low_rank_values/md/len/r6"])
def test_small_models(
    emitter: Any, judge: Any, tmp_path: Path, kind: str, arguments: tuple[Any, ...], configuration: str
) -> None:
    """Random, pulled and tied networks, one position, one token: the same line, about a bound that is true."""
    model = getattr(emitter, kind)(*arguments)
    certificate, line = proved(emitter.write(model, tmp_path), configuration)
    assert judge(model, certificate).line == line
    assert judge(model, certificate, jobs=2).line == line
    assert mpmath.ldexp(int(certificate["relation"]["high"], 16), -128) * model.V**model.K >= total(model)


def test_a_published_network(data: Path, tmp_path: Path, emitter: Any) -> None:
    """Sixty-four tokens in a few seconds' steps; a thousandth less than what the prover shows is refused."""
    weights, path = data / "max_of_4_seed123" / "weights.npz", tmp_path / "certificate.json"
    certificate, line = proved(weights, "subcubic")
    path.write_bytes(emitter.text(certificate))
    assert check(path, weights, budget=LIMIT).line == line
    conclusion = emitter.step(certificate, RULE)["conclusion"]
    conclusion["high"] = hex(int(conclusion["high"], 16) * 99 // 100)
    path.write_bytes(emitter.text(certificate))
    assert check(path, weights).code == "E216"


@pytest.fixture
def example(emitter: Any, tmp_path: Path) -> tuple[Any, dict[str, Any]]:
    """A model and a certificate for it."""
    model = emitter.pulled_model(0, 4, 3, 0.3)
    return model, proved(emitter.write(model, tmp_path), "subcubic")[0]


def test_nothing_better_than_the_truth_is_verified(emitter: Any, judge: Any, example: Any) -> None:
    """An upper bound below the truth, a lower bound above zero, one layer less for the same bound."""
    model, certificate = example
    step = emitter.step(certificate, RULE)
    kept = dict(step["conclusion"])
    truth = int(mpmath.ldexp(total(model), 128))
    for change in ({"high": hex(truth)}, {"low": "0x1"}):
        step["conclusion"].update(change)
        assert judge(model, certificate).code == "E216"
        step["conclusion"].update(kept)
    step["conclusion"]["high"] = hex(int(kept["high"], 16) + 1)
    assert judge(model, certificate).status == "VERIFIED"
    step["advice"]["reaches"] = []
    assert judge(model, certificate).code == "E216"


def test_reaches_that_are_none_are_refused(emitter: Any, judge: Any, example: Any) -> None:
    """Of another size, for a cell that does not exist, too many, or no table at all."""
    model, certificate = example
    advice = emitter.step(certificate, RULE)["advice"]
    size = model.V**2 * model.K

    def table(*entries: int) -> str:
        return base64.b64encode(struct.pack(f">{len(entries)}H", *entries)).decode()

    cases = [
        ("E216", [table(*[0] * (size - 3))]),
        ("E256", [table(*[0] * (size - 1), 60)]),
        ("E112", [table(*[0] * size)] * 257),
        ("E110", ["AA=="]),
    ]
    for code, reaches in cases:
        advice["reaches"] = reaches
        assert judge(model, certificate).code == code


def test_splits_in_other_places_are_refused(emitter: Any, judge: Any, example: Any) -> None:
    """The splits are of EQKE, UU and EVOU, in this order."""
    model, certificate = example
    premises = emitter.step(certificate, RULE)["premises"]
    for a, b in ((1, 2), (2, 3), (1, 3)):
        premises[a], premises[b] = premises[b], premises[a]
        assert judge(model, certificate).code == "E255"
        premises[a], premises[b] = premises[b], premises[a]
    assert judge(model, certificate).status == "VERIFIED"


@pytest.mark.parametrize("unit", [-140, -30, 0, 100])
def test_sums_of_exponentials_from_above(unit: int) -> None:
    """Above the logarithm by at most a step of 2^-12, for large and for small units."""
    for values in ([0], [5, -7, 5], [1 << 20, 0], [-3, -3, -3, -3]):
        with mpmath.workdps(80):
            exact = [mpmath.ldexp(value, unit) for value in values]
            top = max(exact)
            truth = top + mpmath.log(mpmath.fsum(mpmath.exp(max(e - top, -(10**6))) for e in exact))
            found, tiny = mpmath.ldexp(log_sum(values, unit), -128), mpmath.mpf("1e-30") * (1 + abs(truth))
            assert truth - tiny <= found <= truth + tiny + mpmath.ldexp(1, -12)
