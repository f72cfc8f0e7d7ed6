"""``cell_losses/1``: bounds of the losses on sets are true, add up, and nothing better is accepted."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import numpy as np
import pytest
from auditors import view_of
from loss_certificates import DIGITS, differences, proved, require_tight, require_true, soft, written
from set_certificates import advice, members

import mechproof
from mechproof.engine.checker.logarithm import UNIT_BITS
from mechproof.engine.checker.one_layer.losses import SET_BITS, Bounds
from mechproof.engine.checker.one_layer.margins import Packed
from mechproof.engine.checker.one_layer.sets import Among

RULE = "cell_losses/1"


def models(emitter: Any) -> list[Any]:
    """Noisy, random and tied networks, one with a single position, and one whose positions are far apart."""
    far = emitter.pulled_model(1, 3, 3, 0.2)
    far = emitter.Model({n: a * 2**8 if n in ("W_Q", "b_Q") else a for n, a in far.tensors.items()})
    return [
        emitter.pulled_model(0, 4, 3, 0.3),
        emitter.random_model(5, 3, 4, 2, 3, False),
        emitter.tied_model(1, 3, 3),
        emitter.random_model(7, 4, 1, 3, 2, True),
        far,
    ]


@pytest.mark.parametrize("index", range(5))
def test_every_loss_is_below_its_bound(emitter: Any, tmp_path: Any, index: int) -> None:
    """On every set of every cell; and bounds are not far above the largest loss where the weights are known."""
    model = models(emitter)[index]
    margins = view_of(emitter.write(model, tmp_path), 10**9).margins
    packed = Packed(margins, SET_BITS, SET_BITS)
    for m in range(model.V):
        for q in range(m + 1):
            if not margins.size(q, m):
                continue
            cell = Bounds(packed, q, m, [m, *range(m)], (1,))
            for n in range(model.K - (q < m)):
                for size in range(1, m + 1) if n else (0,):
                    for some in itertools.combinations(range(m), size):
                        first = some == tuple(range(size))
                        each = Among(model.K - 1, n, range(1, size + 1) if first else [t + 1 for t in some])
                        with mpmath.workdps(DIGITS):
                            losses = [soft(differences(model, t)) for t in members(model.K, q, m, n, some)]
                            bound, tested = (mpmath.ldexp(cell.loss(each, e), -UNIT_BITS) for e in (False, True))
                            assert max(losses) <= tested <= bound
                            exact = [cell.bisected(x, each, 1 << 20) for x in range(model.V) if x != m]
                            most = [
                                max(row)
                                for row in zip(
                                    *(differences(model, t) for t in members(model.K, q, m, n, some)), strict=True
                                )
                            ]
                            assert all(k - 1 <= 4096 * d <= k for k, d in zip(exact, most, strict=True) if d > -60)
                            if len(losses) == 1:
                                assert bound <= max(losses) * 1.01 + 1e-3, (q, m, n, some)


@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize("strategy", ["cubic", "subcubic"])
def test_the_prover_s_sets(emitter: Any, judge: Any, tmp_path: Any, strategy: str, index: int) -> None:
    """What the prover states is verified; what the checker finds is true, and better is refused."""
    model = models(emitter)[index]
    certificate, line = proved(emitter.write(model, tmp_path), strategy)
    assert judge(model, certificate).line == line
    assert [step["rule"] for step in certificate["derivations"]][2] == RULE
    require_true(model, require_tight(judge, model, certificate))


def test_without_sets(emitter: Any, judge: Any) -> None:
    """No layers, or layers without sets: what no attention exceeds."""
    model = models(emitter)[0]
    sums = [
        require_tight(judge, model, written(emitter, model, RULE, {"layers": layers}))
        for layers in ([], [advice(model, {})], [advice(model, {})] * 256)
    ]
    require_true(model, sums[0])
    assert sums[0] == sums[1] == sums[2]
    assert judge(model, written(emitter, model, RULE, {"layers": [advice(model, {})] * 257})).code == "E112"


def test_sets_make_it_better_and_order_does_not_matter(emitter: Any, judge: Any) -> None:
    """Sets in several layers, overlapping or not, in any order; the same set twice adds nothing."""
    model = models(emitter)[0]
    one = advice(model, {(3, 3, 1): (0, 1), (2, 3, 1): (1, 2), (1, 3, 0): ()})
    two = advice(model, {(3, 3, 1): (1, 2), (2, 3, 1): (0, 1, 2)})
    sums = [
        require_tight(judge, model, written(emitter, model, RULE, {"layers": layers}))
        for layers in ([], [one], [one, two], [two, one, one])
    ]
    assert sums[0][1] > sums[1][1] > sums[2][1] == sums[3][1]
    require_true(model, sums[2])


def test_forged_layers(emitter: Any, judge: Any) -> None:
    """Sets that do not exist or stand twice in a layer are refused; so is a table that is missing."""
    model = models(emitter)[0]
    good = advice(model, {})
    for code, m, entry in (
        ("E236", 2, [good[2][0], [[2, 1, "0x4"]]]),
        ("E236", 2, [good[2][0], [[2, 1, "0x2"], [2, 1, "0x2"]]]),
        ("E236", 2, [good[2][0], [[0, 2, "0x2"]]]),
        ("E216", 2, [good[1][0], []]),
    ):
        layer = [*good[:m], entry, *good[m + 1 :]]
        assert judge(model, written(emitter, model, RULE, {"layers": [good, layer]})).code == code
    for layer in (good[:-1], [*good, good[0]]):
        assert judge(model, written(emitter, model, RULE, {"layers": [layer]})).code == "E216"


@pytest.mark.parametrize("seed", [0, 2])
def test_sets_whose_quick_bound_says_too_little_are_tested_exactly(seed: int, tmp_path: Any) -> None:
    """Of an untrained network what the lemmas show may be less than what follows from extremes of sums and weights."""
    draw = np.random.default_rng(seed)
    shapes = {"W_E": (5, 4), "W_pos": (3, 4), "W_Q": (4, 3), "W_K": (4, 3), "W_V": (4, 3), "W_O": (3, 4), "W_U": (4, 5)}
    tensors = {name: draw.standard_normal(shape) * (0.1 if name == "W_pos" else 1) for name, shape in shapes.items()}
    path = tmp_path / "net.npz"
    np.savez(path, **{name: tensor.astype(np.float32) for name, tensor in tensors.items()})  # type: ignore[arg-type]
    mechproof.prove(path, strategy="cubic", metric="loss").write(tmp_path / "proof")
    verdict = mechproof.check(tmp_path / "proof" / "certificate.json", path)
    assert verdict.exit_code == 0, verdict.line
