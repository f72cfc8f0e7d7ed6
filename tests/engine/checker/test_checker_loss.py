"""Certificates about the loss by a second reading of docs/certificate.md: true ones pass, better ones never."""

from __future__ import annotations

import itertools
import random
from typing import Any

import mpmath
import pytest

from mechproof.engine.checker import logarithm
from mechproof.engine.checker.one_layer.losses import quotients
from mechproof.engine.checker.relations import Loss

MODELS = [
    ("pulled_model", (0, 4, 3, 0.3)),
    ("pulled_model", (1, 5, 2, 0.3)),
    ("pulled_model", (1, 4, 1, 0.3)),
    ("pulled_model", (0, 1, 3, 0.3)),
    ("random_model", (3, 4, 3, 3, 2, True)),
    ("tied_model", (0, 4, 3)),
]


def real(units: int) -> Any:
    return mpmath.ldexp(units, -128)


def loss(model: Any, tokens: tuple[int, ...]) -> Any:
    """-log softmax(logits) at the largest token, from the margins."""
    q, m = tokens[-1], max(tokens)
    scores = [model.score(q, p, t) for p, t in enumerate(tokens)]
    total = mpmath.fsum(mpmath.exp(mpmath.mpf(s.numerator) / s.denominator / mpmath.sqrt(model.h)) for s in scores)
    others = [x for x in range(model.V) if x != m]
    sums = [mpmath.fsum(model.margin(q, m, x, p, t) for p, t in enumerate(tokens)) for x in others]
    return mpmath.log1p(mpmath.fsum(mpmath.exp(r / total) for r in sums))


def mean(model: Any) -> Any:
    """The loss of the model, by enumeration."""
    with mpmath.workdps(50):
        return mpmath.fsum(loss(model, s) for s in itertools.product(range(model.V), repeat=model.K)) / model.V**model.K


def split_all(q: int, m: int, free: int) -> str:
    """The symbols of one cell that splits every node of more than one position or sequence."""
    nodes: list[Any] = [(0, (), tuple(range(free)))]
    if q < m:
        nodes = [(0, tuple(range(p)), tuple(range(p + 1, free))) for p in range(free)]
    symbols = "S"
    while nodes:
        level, lo, hi = nodes.pop(0)
        if lo and not hi:
            level, lo, hi = level + 1, (), lo
        if (level > m and hi) or (level + 1 > m and lo):
            continue
        if not hi:
            symbols += "U"
            continue
        symbols += "S"
        nodes[:0] = [(level, lo, hi[1:]), (level, (*lo, hi[0]), hi[1:])]
    return symbols


def loss_certificate(emitter: Any, model: Any, tree: str, sums: tuple[int, int], bounds: tuple[int, int]) -> Any:
    """The certificate with these sums and this relation."""
    base = emitter.certificate(model, emitter.TREE, {}, 0, 0)
    total = {"kind": "loss_sum", "low": hex(sums[0]), "high": hex(sums[1])}
    relation = {"low": hex(bounds[0]), "high": hex(bounds[1])}
    steps = [
        {"rule": "loss_tree/1", "advice": emitter.tree_advice(model, tree), "conclusion": total},
        {"rule": "loss/1", "advice": {}, "conclusion": {"kind": "loss", **relation}},
    ]
    for number, step in enumerate(steps, 2):
        named = {"id": number, "rule": step["rule"], "premises": [number - 1]}
        steps[number - 2] = named | {"advice": step["advice"], "conclusion": step["conclusion"]}
    derivations = [*base["derivations"][:2], *steps]
    return base | {"relation": {"metric": "loss", **relation}, "derivations": derivations}


def around(model: Any, share: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """Sums and bounds at this relative distance from the truth, and at least a unit in the last of 2^-100."""
    truth, inputs = mean(model), model.V**model.K
    with mpmath.workdps(50):
        low, high = (mpmath.ldexp(truth * (1 + side * share), 128) for side in (-1, 1))
        low, high = max(0, int(low) - (1 << 28)), int(high) + (1 << 28)
    return (low * inputs, high * inputs), (low, high)


@pytest.mark.parametrize(("kind", "arguments"), MODELS)
def test_true_bounds_are_verified_and_better_ones_refused(
    emitter: Any, judge: Any, kind: str, arguments: tuple[Any, ...]
) -> None:
    """With every sequence a leaf, bounds a thousandth from the truth hold, and bounds on its wrong side never do."""
    model = getattr(emitter, kind)(*arguments)
    tree = "".join(split_all(q, m, model.K - 1) for q, m in model.cells())
    sums, bounds = around(model, mpmath.mpf(1) / 1000)
    verdict = judge(model, loss_certificate(emitter, model, tree, sums, bounds))
    assert verdict.status == "VERIFIED", verdict.line
    assert verdict.line == f"s VERIFIED {Loss(*bounds).text()} sha256:{model.statement}"
    assert verdict.as_json()["loss_high"] == Loss(*bounds).decimals()[1]
    inputs = model.V**model.K
    truth = int(mpmath.ldexp(mean(model), 128))
    if truth:
        above = (truth + (1 << 20)) * inputs, sums[1]
        assert judge(model, loss_certificate(emitter, model, tree, above, bounds)).code == "E216"
        below = sums[0], (truth - (1 << 20)) * inputs
        assert judge(model, loss_certificate(emitter, model, tree, below, bounds)).code == "E216"


def test_one_leaf_a_cell_is_sound(emitter: Any, judge: Any) -> None:
    """Whole cells as leaves give wide bounds: narrow ones are refused with the checker's own, wide ones verified."""
    model = emitter.pulled_model(0, 4, 3, 0.3)
    tree = "U" * len(model.cells())
    assert judge(model, loss_certificate(emitter, model, tree, *around(model, mpmath.mpf(1) / 1000))).code == "E216"
    top = 100 << 128
    verdict = judge(model, loss_certificate(emitter, model, tree, (0, top * 64), (0, top)))
    assert verdict.relation == "loss in [0.0000, 100.0000]"
    assert "between 0.0000 and 100.0000" in verdict.text


def test_each_step_must_follow(emitter: Any, judge: Any) -> None:
    """The mean from the sums, the relation from the mean: one unit too good on either side is refused."""
    model = emitter.pulled_model(0, 3, 2, 0.3)
    tree = "".join(split_all(q, m, 1) for q, m in model.cells())
    sums, (low, high) = around(model, mpmath.mpf(1) / 100)
    assert judge(model, loss_certificate(emitter, model, tree, sums, (low - 1, high + 1)), jobs=2).exit_code == 0
    for bounds in ((low + 1, high), (low, high - 1)):
        assert judge(model, loss_certificate(emitter, model, tree, sums, bounds)).code == "E216"
    good = loss_certificate(emitter, model, tree, sums, (low, high))
    for side, value in (("low", low + 1), ("high", high - 1)):
        assert judge(model, good | {"relation": good["relation"] | {side: hex(value)}}).code == "E204"
    for pair in ((-1, high), (high, low)):
        relation = {"metric": "loss", "low": hex(pair[0]), "high": hex(pair[1])}
        assert judge(model, good | {"relation": relation}).code == "E205"


def test_accuracy_is_not_loss(emitter: Any, judge: Any) -> None:
    """A relation of one metric does not follow from a proof of the other; a third metric is malformed."""
    model = emitter.pulled_model(0, 3, 2, 0.3)
    tree = "".join(split_all(q, m, 1) for q, m in model.cells())
    about_loss = loss_certificate(emitter, model, tree, *around(model, mpmath.mpf(1) / 100))
    about_accuracy = emitter.tree_certificate(model)
    assert judge(model, about_loss | {"relation": about_accuracy["relation"]}).code == "E204"
    assert judge(model, about_accuracy | {"relation": about_loss["relation"]}).code == "E204"
    assert judge(model, about_loss | {"relation": about_loss["relation"] | {"metric": "lost"}}).code == "E110"


@pytest.mark.parametrize(
    ("change", "code"),
    [(lambda t: t[:-1], "E220"), (lambda t: t + "U", "E221"), (lambda t: t.replace("U", "R", 1), "E227"),
     (lambda t: t.replace("U", "W0", 1), "E227"), (lambda t: t.replace("U", "S", 1), "E223")],
)  # fmt: skip
def test_broken_trees(emitter: Any, judge: Any, change: Any, code: str) -> None:
    """Trees that end early or late, that judge a leaf, or that split one sequence."""
    model = emitter.pulled_model(0, 3, 2, 0.3)
    tree = change("".join(split_all(q, m, 1) for q, m in model.cells()))
    assert judge(model, loss_certificate(emitter, model, tree, *around(model, 1))).code == code


def test_logarithms() -> None:
    """ln of numbers from 1 up to 2^500, at three precisions: enclosed within two units; ln 1 is exactly 0."""
    rng = random.Random(0)
    with mpmath.workdps(250):
        for bits in (20, 64, 128):
            values = [(1 << bits) + 1, (2 << bits) - 1, 2 << bits, (2 << bits) + 1]
            values += [(1 << bits) + rng.getrandbits(rng.randrange(1, bits + 500)) for _ in range(100)]
            for value in values:
                low, high = logarithm.logarithm(value, bits)
                assert low <= mpmath.ldexp(mpmath.log(mpmath.ldexp(value, -bits)), bits) <= high <= low + 2
            assert logarithm.logarithm(1 << bits, bits) == (0, 0)


def test_powers_and_their_sums() -> None:
    """exp on the grid is enclosed to 2^-125, is between 0 and exp(-64) below, and so is the logarithm of sums."""
    rng = random.Random(1)
    with mpmath.workdps(80):
        for steps in [0, 1, 511, 512, 513, 1 << 18, *(rng.randrange(1 << 18) for _ in range(200))]:
            low, high = (logarithm.negative_powers(side)[steps] for side in (0, 1))
            assert low <= mpmath.ldexp(mpmath.exp(-mpmath.ldexp(steps, -12)), 128) <= high <= low + 8
        low, high = (logarithm.negative_powers(side)[-1] for side in (0, 1))
        assert low == 0 and high == logarithm.negative_powers(1)[1 << 18]
        for _ in range(100):
            steps = [rng.randrange(-200000, 200000) for _ in range(rng.randrange(1, 6))]
            value = mpmath.log1p(mpmath.fsum(mpmath.exp(mpmath.ldexp(k, -12)) for k in steps))
            assert real(logarithm.log_one_plus(steps, 0)) <= value <= real(logarithm.log_one_plus(steps, 1))
        assert logarithm.log_one_plus([], 0) == logarithm.log_one_plus([], 1) == 0


def test_quotients_by_enumeration() -> None:
    """Each bound is above every quotient, for both signs and both directions of the shift."""
    for total, light, heavy, shift in itertools.product(range(-9, 10), range(3), range(1, 4), (-1, 0, 1)):
        if light <= heavy:
            (bound,) = quotients([total], light, heavy, shift, [100])
            for r, w in itertools.product(range(-9, total + 1), range(max(light, 1), heavy + 1)):
                assert bound >= mpmath.mpf(r) / w * mpmath.mpf(2) ** shift
            assert quotients([total], light, heavy, shift, [-5])[0] <= -5


def test_quotients_far_below_the_steps() -> None:
    """A shift of any size to the right needs no memory."""
    assert quotients([-6, 6, -6], 2, 4, -(1 << 60), [9, 9, -5]) == [0, 1, -5]
