"""``cubic_loss/1``: the checker's bound is the documented one, is true, and is not to be exceeded."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import pytest
from cubic_counts import counted
from loss_certificates import (
    DIGITS,
    found,
    is_near,
    layer_sum,
    proved,
    real,
    require_tight,
    require_true,
    soft,
    state,
    written,
)

from mechproof.engine.checker import check
from mechproof.engine.checker.certificate import Reader
from mechproof.engine.checker.errors import Code, Failure
from mechproof.engine.checker.rule_cubic_loss import read_advice
from mechproof.models import zoo

RULE = "cubic_loss/1"
THRESHOLDS = [-40000, -12000, -4096, 0, 4097, 9000, 30000]
# Steps of about a microsecond; V = 64, K = 2, d = 32.
LIMIT = 30_000_000
MODELS = [
    ("pulled_model", (0, 4, 3, 0.3)),
    ("pulled_model", (0, 5, 4, 0.1)),
    ("pulled_model", (2, 2, 2, 0.3)),
    ("pulled_model", (1, 2, 6, 0.3)),
    ("pulled_model", (1, 5, 1, 0.3)),
    ("pulled_model", (0, 1, 3, 0.3)),
    ("random_model", (3, 4, 3, 3, 2, True)),
    ("random_model", (7, 6, 2, 3, 2, True)),
    ("tied_model", (0, 4, 3)),
]


def largest(model: Any, q: int, m: int) -> list[int]:
    """By x != m, the largest logit difference at any position in steps of 2^-12, rounded up."""
    places, tokens = range(model.K), range(m + 1)
    return [
        -((-4096 * max(model.gap(q, m, x, p, t) for p in places for t in tokens)) // 1)
        for x in range(model.V)
        if x != m
    ]


def documented(model: Any, thresholds: list[int]) -> Any:
    """The bound of docs/certificate.md §8.1, to 60 digits."""
    with mpmath.workdps(DIGITS):
        found = mpmath.mpf(0)
        for q, m in model.cells():
            tops = largest(model, q, m)
            layers = [(soft(real(Fraction(top, 4096)) for top in tops), model.size(q, m))]
            for threshold in thresholds:
                bound = soft(real(Fraction(min(top, threshold), 4096)) for top in tops)
                layers.append((bound, counted(model, q, m, True, Fraction(threshold, 4096))))
            found += layer_sum(layers)
        return found


@pytest.mark.parametrize(("kind", "arguments"), MODELS)
@pytest.mark.parametrize("thresholds", [THRESHOLDS, [], [5000, -5000, 5000]])
def test_the_documented_bound_is_the_best_that_is_verified(
    emitter: Any, judge: Any, kind: str, arguments: tuple[Any, ...], thresholds: list[int]
) -> None:
    """It encloses the truth, is found to the last digits, and one unit less is refused; nothing is above 0 below."""
    model = getattr(emitter, kind)(*arguments)
    certificate = written(emitter, model, RULE, {"thresholds": thresholds})
    sums = require_tight(judge, model, certificate)
    require_true(model, sums)
    assert sums[0] == 0 and is_near(sums[1], documented(model, thresholds))


def test_thresholds_are_of_use(emitter: Any) -> None:
    """The models are not all bounded by their largest differences."""
    models = [getattr(emitter, kind)(*arguments) for kind, arguments in MODELS]
    assert sum(documented(model, THRESHOLDS) * 2 < documented(model, []) for model in models) >= 3


@pytest.mark.parametrize("exponent", [-30, 30])
def test_logits_of_any_size(emitter: Any, judge: Any, exponent: int) -> None:
    """Units of logits far above and far below the steps of the thresholds."""
    model = emitter.pulled_model(0, 4, 3, 0.3)
    scaled = emitter.Model({n: a * 2.0**exponent if n in ("W_U", "b_U") else a for n, a in model.tensors.items()})
    coarse = emitter.Model({n: a.round() * (64 if n == "W_U" else 1) for n, a in model.tensors.items()})
    for each in (scaled, coarse):
        sums = require_tight(judge, each, written(emitter, each, RULE, {"thresholds": THRESHOLDS}))
        require_true(each, sums)
        assert is_near(sums[1], documented(each, THRESHOLDS))


def test_a_network_of_the_zoo(tmp_path: Path, emitter: Any) -> None:
    """Sixty-four tokens in a second's steps; a hundredth less than what the prover shows is refused."""
    weights, path = zoo.path("max_of_2_v64_d32_seed123"), tmp_path / "certificate.json"
    certificate, line = proved(weights, "cubic")
    path.write_bytes(emitter.text(certificate))
    assert check(path, weights, budget=LIMIT).line == line
    conclusion = emitter.step(certificate, RULE)["conclusion"]
    conclusion["high"] = hex(int(conclusion["high"], 16) * 99 // 100)
    path.write_bytes(emitter.text(certificate))
    assert check(path, weights).code == "E216"


def test_mutants_of_a_certificate_are_refused(emitter: Any, judge: Any, tmp_path: Path) -> None:
    """A useful threshold left out or moved, another network's weights, the relation or the mean one unit better."""
    model = emitter.pulled_model(0, 5, 4, 0.1)
    certificate, line = proved(emitter.write(model, tmp_path), "cubic")
    assert judge(model, certificate).line == line
    assert judge(emitter.pulled_model(1, 5, 4, 0.1), certificate).code == "E201"
    _, high = found(judge, model, certificate)
    state(certificate, model, 0, high)
    step = emitter.step(certificate, RULE)
    thresholds = list(step["advice"]["thresholds"])
    refused = 0
    for place, threshold in enumerate(thresholds):
        for other in ([], [threshold + 1]):
            step["advice"]["thresholds"] = [*thresholds[:place], *other, *thresholds[place + 1 :]]
            verdict = judge(model, certificate)
            assert verdict.status == "VERIFIED" or verdict.code == "E216"
            refused += verdict.code == "E216"
    assert refused >= 4
    step["advice"]["thresholds"] = thresholds
    mean = emitter.step(certificate, "loss/1")["conclusion"]
    for change, code in ((certificate["relation"], "E204"), (mean, "E216")):
        kept = change["high"]
        change["high"] = hex(int(kept, 16) - 1)
        assert judge(model, certificate).code == code
        change["high"] = kept
    assert judge(model, certificate).status == "VERIFIED"


def test_a_small_budget_is_refused(emitter: Any, judge: Any) -> None:
    """Every threshold is charged."""
    model = emitter.pulled_model(0, 5, 4, 0.3)
    made = state(written(emitter, model, RULE, {"thresholds": THRESHOLDS}), model, 0, 1 << 200)
    assert judge(model, made, budget=20000).status == "VERIFIED"
    emitter.step(made, RULE)["advice"]["thresholds"] = [9000] * 256
    assert judge(model, made, budget=20000).code == "E242"


@pytest.mark.parametrize(
    ("advice", "code"),
    [
        ('{"thresholds":["0x1"]}', Code.E110),
        ('{"thresholds":[1.5]}', Code.E110),
        ('{"threshold":[1]}', Code.E110),
        ('{"thresholds":[' + ",".join(["1"] * 257) + "]}", Code.E112),
        ('{"thresholds":[2147483648]}', Code.E111),
    ],
)
def test_other_advice_is_malformed(advice: str, code: Code) -> None:
    """At most 256 small integers."""
    with pytest.raises(Failure) as caught:
        read_advice(Reader(advice.encode()))
    assert caught.value.code is code
