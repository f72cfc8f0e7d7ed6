"""The network on single sequences: logits, answers and losses against a second reading, and narrow."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from auditors import auditor_of

from mechproof.engine.checker.claims.network import Sequences
from mechproof.engine.checker.errors import Failure

MODELS = [
    ("random_model", (3, 4, 3, 3, 2, True)),
    ("pulled_model", (1, 4, 3, 0.3)),
    ("pulled_model", (0, 3, 1, 0.3)),
    ("tied_model", (0, 4, 3)),
]


@pytest.fixture(scope="module", params=MODELS, ids=lambda p: f"{p[0]}{p[1]}")
def model(request: pytest.FixtureRequest, emitter: Any) -> Any:
    name, arguments = request.param
    return getattr(emitter, name)(*arguments)


def sequences(emitter: Any, model: Any, folder: Path, bits: int = 160, **options: Any) -> Sequences:
    return Sequences(auditor_of(emitter.write(model, folder), **options), bits)


def real(value: Fraction) -> Any:
    return mpmath.mpf(value.numerator) / value.denominator


def logits(model: Any, tokens: tuple[int, ...]) -> list[Any]:
    """UU + sum of a_p (EVOU + PVOU), to mpmath's precision."""
    q, parts = tokens[-1], model.parts
    weights = [mpmath.exp(real(model.score(q, p, t)) / mpmath.sqrt(model.h)) for p, t in enumerate(tokens)]
    total = mpmath.fsum(weights)
    return [
        real(parts["UU"][q][x])
        + mpmath.fsum(
            w / total * real(parts["EVOU"][t][x] + parts["PVOU"][p][x])
            for p, (w, t) in enumerate(zip(weights, tokens, strict=True))
        )
        for x in range(model.V)
    ]


def every(model: Any) -> list[tuple[int, ...]]:
    return list(itertools.product(range(model.V), repeat=model.K))


def test_logits(emitter: Any, model: Any, tmp_path: Path) -> None:
    """Enclosed, with an error of a few units."""
    own = sequences(emitter, model, tmp_path)
    with mpmath.workdps(80):
        for tokens in every(model):
            for low, high, truth in zip(*own.logits(tokens, 160), logits(model, tokens), strict=True):
                assert high - low <= 8
                assert low <= truth * mpmath.mpf(2) ** 160 <= high


def test_correct(emitter: Any, model: Any, tmp_path: Path) -> None:
    """Right on exactly the sequences on which the network is, ties being wrong; at few bits exact signs decide."""
    own, coarse = sequences(emitter, model, tmp_path), sequences(emitter, model, tmp_path, 0)
    for tokens in every(model):
        assert own.correct(tokens) == coarse.correct(tokens) == model.right(tokens)


@pytest.mark.parametrize("bits", [40, 160])
def test_loss(emitter: Any, model: Any, tmp_path: Path, bits: int) -> None:
    """The loss of each sequence and the sum of all are enclosed, to a few units each."""
    own = sequences(emitter, model, tmp_path, bits)
    total = mpmath.mpf(0)
    with mpmath.workdps(80):
        unit = mpmath.mpf(2) ** bits
        for tokens in every(model):
            values = logits(model, tokens)
            truth = mpmath.log(mpmath.fsum(map(mpmath.exp, values))) - values[max(tokens)]
            total += truth
            low, high = own.one_loss(tokens)
            assert 0 <= low <= truth * unit <= high <= low + 60
        low, high = own.loss()
        assert low <= total * unit <= high


def extreme_model(emitter: Any) -> Any:
    """Logits of 2^15 and more: exponentials far beyond any range."""
    weights = {
        "W_E": np.array([[1.0], [2.0], [4.0]]),
        "W_pos": np.zeros((2, 1)),
        "W_Q": np.array([[8.0]]),
        "W_K": np.array([[8.0]]),
        "W_V": np.array([[1.0]]),
        "W_O": np.array([[1.0]]),
        "W_U": np.array([[-16384.0, 1.0, 16384.0]]),
    }
    return emitter.Model(weights)


def test_huge_logits(emitter: Any, tmp_path: Path) -> None:
    """A loss of 2^17 is computed as well as one that underflows."""
    model = extreme_model(emitter)
    own = sequences(emitter, model, tmp_path)
    losses = {tokens: own.one_loss(tokens) for tokens in every(model)}
    with mpmath.workdps(80):
        for tokens, (low, high) in losses.items():
            values = logits(model, tokens)
            top = max(values)
            total = mpmath.fsum(mpmath.exp(v - top) for v in values)
            truth = (top - values[max(tokens)] + mpmath.log(total)) * mpmath.mpf(2) ** 160
            assert low <= truth <= high
            assert high - low < 2**60
    assert losses[0, 0][0] >> 160 > 2**15
    assert losses[2, 2][1] < 100


def test_an_error_in_the_logits_counts_twice(emitter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds of the loss stay bounds wherever the logits lie within theirs."""
    model = extreme_model(emitter)
    own = sequences(emitter, model, tmp_path, 32)
    unit = 1 << 32
    exact = [3 * unit, 0, unit]
    monkeypatch.setattr(own, "logits", lambda tokens, digits: (exact, exact))
    low, high = own.one_loss((2, 2))
    bounds = [3 * unit, 0, -unit], [5 * unit, 2 * unit, unit]
    monkeypatch.setattr(own, "logits", lambda tokens, digits: bounds)
    assert own.one_loss((2, 2))[0] <= low <= high <= own.one_loss((2, 2))[1]
    assert own.one_loss((2, 2))[1] > high + unit


def test_many_sequences_are_refused_at_once(emitter: Any, tmp_path: Path) -> None:
    """The loss over V^K sequences is paid for before the first."""
    own = sequences(emitter, emitter.random_model(0, 4, 12, 2, 2, False), tmp_path, steps=10**8)
    with pytest.raises(Failure) as failure:
        own.loss()
    assert failure.value.code.name == "E242"


def test_equal_attention_gives_exact_logits(emitter: Any, tmp_path: Path) -> None:
    """Without scores every position has the same share, which is exact over 2^k positions: so are the logits."""
    model = emitter.random_model(3, 4, 2, 3, 2, True)
    without = {name: np.zeros_like(a) if name in ("W_Q", "b_Q") else a for name, a in model.tensors.items()}
    model = emitter.Model(without)
    own = sequences(emitter, model, tmp_path)
    found, above = own.logits((1, 0), own.digits)
    parts, half = model.parts, Fraction(1, 2)
    truth = [
        parts["UU"][0][x] + half * sum(parts["EVOU"][t][x] + parts["PVOU"][p][x] for p, t in enumerate((1, 0)))
        for x in range(4)
    ]
    assert found == above and [Fraction(n, 1 << own.digits) for n in found] == truth


def test_an_output_that_positions_agree_on_is_exact(emitter: Any, tmp_path: Path) -> None:
    """The weights add up to one: what every position gives an output it gets, however small, whatever the weights."""
    model = emitter.random_model(3, 4, 3, 3, 2, True)
    mute = {name: a.copy() for name, a in model.tensors.items()}
    mute["W_U"][:, 2] = 0
    mute["W_U"][:, 3] *= 2.0**-100
    mute["b_U"][2] = 2.0**-149
    own = sequences(emitter, emitter.Model(mute), tmp_path)
    for tokens in every(model):
        low, high = own.logits(tokens, own.digits)
        assert low[2] == high[2] == 1 << own.digits - 149
        assert low[0] < high[0]
    assert own.logits((1, 1, 1), own.digits)[0][0] < own.logits((1, 1, 1), own.digits)[1][0]
    same = emitter.Model({n: np.zeros_like(a) if n == "W_pos" else a for n, a in model.tensors.items()})
    low, high = sequences(emitter, same, tmp_path).logits((1, 1, 1), 400)
    assert low == high


def test_a_single_output_loses_nothing(emitter: Any, tmp_path: Path) -> None:
    """Its share is 1, whatever its logit: the loss is exactly 0."""
    own = sequences(emitter, emitter.random_model(3, 1, 2, 3, 2, True), tmp_path)
    assert own.loss() == (0, 0)
