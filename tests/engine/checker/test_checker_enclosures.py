"""The checker's bounds of losses and margins of any network: compared with mpmath's for every kind of layer."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import layered_network as reference
import mpmath
import pytest
from shares import halved

from mechproof.engine.checker import Verdict, check
from mechproof.engine.checker.networks import loss as losses
from mechproof.engine.checker.networks.margin import ends
from mechproof.engine.checker.networks.network_file import read_description
from mechproof.engine.checker.networks.statement import statement_hash
from mechproof.engine.checker.networks.task import read_task

Draw, stack = reference.Draw, reference.stack
MEASURES = {"loss": reference.loss, "margin": reference.margin}
KINDS = list(reference.every_kind(Draw(0)))
# How close the stated bounds are: a table of exponentials is good to 2^-24, a margin is compared in wide words.
CLOSE = {"loss": mpmath.mpf(10) ** -6, "margin": mpmath.mpf(10) ** -30}


def judge(path: Path, task: str, metric: str, low: Any, high: Any, **options: Any) -> Verdict:
    """The verdict on a certificate that states these bounds, floored."""
    network, made = read_task(task, read_description(str(path), None))
    with mpmath.workdps(reference.DIGITS):
        ends = [int(mpmath.floor(end * 2**128)) for end in (low, high)]
    certificate = path.with_suffix(".json")
    certificate.write_bytes(reference.enclosure_certificate(statement_hash(network, made), metric, *ends))
    return check(certificate, path, task, **options)


def measured(
    layers: reference.Layers,
    inputs: Iterable[Sequence[int]],
    answers: Callable[[Sequence[int]], Sequence[int]],
    read: Sequence[int] = (-1,),
) -> dict[str, Any]:
    """The mean loss and the least margin."""
    with mpmath.workdps(reference.DIGITS):
        each = [
            (rows[p], answer)
            for t in inputs
            for rows in [reference.logits(layers, t)]
            for p, answer in zip(read, answers(t), strict=True)
        ]
        mean = mpmath.fsum(reference.loss(*one) for one in each) / len(each)
        return {"loss": mean, "margin": min(reference.margin(*one) for one in each)}


def assert_close(path: Path, task: str, metric: str, true: Any) -> None:
    """Bounds close to the true number are verified; bounds that it is not between are refused, however close."""
    with mpmath.workdps(reference.DIGITS):
        off = CLOSE[metric] * max(1, abs(true))
        around, below, above = (true - off, true + off), (true - 3 * off, true - off), (true + off, true + 3 * off)
    verdict = judge(path, task, metric, *around)
    assert verdict.status == "VERIFIED", verdict.line
    assert [judge(path, task, metric, *wrong).code for wrong in (below, above)] == ["E216", "E216"]


@functools.cache
def kind_measured(name: str) -> tuple[reference.Layers, dict[str, Any]]:
    """A network with such a layer, and its loss and margin on sums modulo 3."""
    layers = reference.every_kind(Draw(KINDS.index(name)), tokens=3)[name]
    return layers, measured(layers, reference.every(3, 3, 3), lambda t: [sum(t) % 3])


@pytest.mark.parametrize("name", halved(KINDS, 1))
@pytest.mark.parametrize("metric", MEASURES)
def test_bounds_of_every_kind_of_layer(name, metric, tmp_path):
    """What mpmath finds, on 27 inputs, to six digits of a loss and thirty of a margin."""
    layers, truth = kind_measured(name)
    true = truth[metric]
    (tmp_path / "task.toml").write_text('positions = 3\nanswer = "sum(t) % 3"\n')
    assert_close(reference.write(layers, tmp_path), str(tmp_path / "task.toml"), metric, true)


@pytest.mark.parametrize("metric", MEASURES)
@pytest.mark.parametrize("counted", ["inputs", "pairs"])
def test_several_read_positions(metric, counted, tmp_path):
    """The mean is over all inputs and read positions, and the least margin that at any, however answers are counted."""
    layers = stack(Draw(4), Draw(4).attention(4, 2), tokens=4)
    true = measured(layers, reference.every(4, 4, 4), lambda t: [t[0], max(t)], (0, 2))[metric]
    lines = f'positions = 3\nread = [0, 2]\ncounted = "{counted}"\nanswers = ["t[0]", "max(t)"]\n'
    (tmp_path / "task.toml").write_text(lines)
    path = reference.write(layers, tmp_path)
    assert_close(path, str(tmp_path / "task.toml"), metric, true)
    found = judge(path, str(tmp_path / "task.toml"), metric, -99 if metric == "margin" else 0, 99)
    assert "over all 64 inputs at each of 2 positions" in found.text


@pytest.mark.parametrize("metric", MEASURES)
def test_processes_share_the_inputs(metric, tmp_path):
    """Two processes say what one says, of what holds and of what does not."""
    layers = stack(Draw(5), Draw(5).attention(4, 2))
    true = measured(layers, reference.every(5, 5, 5), lambda t: [max(t)])[metric]
    path = reference.write(layers, tmp_path)
    for low, high in ((true - 0.001, true + 0.001), (true + 0.001, true + 0.002), (true - 0.002, true - 0.001)):
        one, two = (judge(path, "max-of-k", metric, low, high, jobs=jobs) for jobs in (1, 2))
        assert (one.status, one.code) == (two.status, two.code)
        assert (one.status == "VERIFIED") == (low < true < high)


def test_margins_are_met_exactly_to_a_unit(tmp_path):
    """A margin of exactly -3/4, on one of 16 inputs: bounds one unit of 2^-128 away hold on either side, and no closer
    ones than what is true."""
    draw = Draw(6, eighths=True)
    layers = stack(draw, {"kind": "sum"}, draw.mlp(4, 5, "relu"), tokens=4, positions=2)
    true = measured(layers, reference.every(4, 4), lambda t: [max(t)])["margin"]
    assert true * 2**12 == int(true * 2**12)
    path, unit = reference.write(layers, tmp_path), mpmath.mpf(2) ** -128
    with mpmath.workdps(reference.DIGITS):
        assert judge(path, "max-of-k", "margin", true - unit, true + unit).status == "VERIFIED"
        assert judge(path, "max-of-k", "margin", true + unit, true + 2 * unit).code == "E216"
        assert judge(path, "max-of-k", "margin", true - 2 * unit, true - unit).code == "E216"


@pytest.mark.parametrize("size", [1e-30, 1e-6, 1, 30, 300, 1e6, 1e30])
def test_losses_of_every_size(size, tmp_path):
    """Logits from next to nothing to far beyond the table of exponentials, distances beyond it included."""
    draw = Draw(8)
    layers = stack(draw, draw.attention(4, 1), tokens=4)
    layers[-1]["W_U"], layers[-1]["b_U"] = (layers[-1][name] * size for name in ("W_U", "b_U"))
    true = measured(layers, reference.every(4, 4, 4), lambda t: [max(t)])["loss"]
    assert_close(reference.write(layers, tmp_path), "max-of-k", "loss", true)


@pytest.mark.parametrize("grid", [12, 13, 40, 250, 1000])
def test_one_plus_on_random_logits(grid):
    """Bounds of 1 + S: around mpmath's number, and close to it, in coarse units and fine ones."""
    random = Draw(grid).random
    for spread, outputs in itertools.product((0.01, 1, 20, 39, 45, 1000), (1, 2, 50)):
        logits = [int(v * (1 << 30) * spread) << grid >> 30 for v in random.normal(size=outputs)]
        with mpmath.workdps(100):
            top = max(logits)
            true = mpmath.fsum(mpmath.exp(mpmath.mpf(v - top) / 2**grid) for v in logits)
            low, high = (mpmath.mpf(end) / losses.ONE for end in losses.one_plus(logits, grid))
            assert low <= true <= high
            assert high - low <= (true - 1) * mpmath.mpf(2) ** -23 + 8 * outputs * mpmath.mpf(2) ** -losses.BITS


def test_outputs_beyond_the_table_are_charged():
    """Fifty outputs where the table of exponentials ends, each a few units of 2^-60, are not nothing."""
    grid = 20
    low, high = losses.one_plus([0] + [-losses.END << grid] * 50, grid)
    with mpmath.workdps(60):
        assert low <= losses.ONE * (1 + 50 * mpmath.exp(-losses.END)) <= high


def test_the_radius_is_charged():
    """Logits at the ends of their radius: the loss of each is within the bounds that the middle and the radius give,
    and some are at their ends."""
    grid, radius, attained = 20, 1 << 16, []
    random = Draw(1).random
    for _ in range(200):
        middle = [int(v) for v in random.integers(-5 << grid, 5 << grid, 3)]
        found = losses.Losses(grid)
        found.add(middle, radius, 0)
        low, high = (mpmath.mpf(end) / losses.ONE for end in found.ends())
        for signs in itertools.product((-1, 1), repeat=3):
            moved = [mpmath.mpf(v + s * radius) / 2**grid for v, s in zip(middle, signs, strict=True)]
            true = reference.loss(moved, 0)
            assert low <= true <= high
            attained.append(min(true - low, high - true) / true)
    # exp(2r) is not the whole of 1 + 2r + (2r)^2: a small part of the width is left
    assert min(attained) < mpmath.mpf(radius) / 2**grid / 8


def test_a_margin_moves_by_twice_the_radius():
    """Two logits that move against each other; coarse units are rounded outward."""
    assert ends([10, 4, 1], 1, 0, 128) == (4, 8)
    assert ends([10, 4, 1], 1, 1, 129) == (-4, -2)


def test_one_output_has_a_loss_of_zero_and_no_margin(tmp_path):
    """Nothing is larger than the only output; a margin is a comparison with another."""
    layers = [Draw(2).embed(3, 4, 2), Draw(2).attention(4, 1), Draw(2).unembed(4, 1)]
    path = reference.write(layers, tmp_path)
    (tmp_path / "task.toml").write_text('positions = 2\nanswer = "0"\n')
    task = str(tmp_path / "task.toml")
    assert judge(path, task, "loss", 0, mpmath.mpf(2) ** -40).status == "VERIFIED"
    assert judge(path, task, "loss", mpmath.mpf(2) ** -40, 1).code == "E216"
    assert judge(path, task, "margin", 0, 1).code == "E216"


@pytest.mark.parametrize(("metric", "low", "high"), [("loss", -1, 2), ("loss", 2, 1), ("margin", 2, 1)])
def test_bounds_without_sense_are_refused(metric, low, high, tmp_path):
    """A loss is not negative, and a lower bound not above the upper one."""
    path = reference.write(stack(Draw(2), tokens=3), tmp_path)
    assert judge(path, "max-of-k", metric, low, high).code == "E205"


def test_the_relation_must_be_what_was_derived(tmp_path):
    """Bounds of a margin do not prove bounds of a loss, and a relation may not say more than its derivation."""
    path = reference.write(stack(Draw(2), tokens=3), tmp_path)
    made = read_task("max-of-k", read_description(str(path), None))
    text = reference.enclosure_certificate(statement_hash(*made), "margin", -(99 << 128), 99 << 128)
    certificate = path.with_suffix(".json")
    certificate.write_bytes(text.replace(b'"metric":"margin","low":"-', b'"metric":"loss","low":"'))
    assert check(certificate, path).code == "E204"
    certificate.write_bytes(text.replace(b'"margin","low":"-0x63', b'"margin","low":"-0x62', 1))
    assert check(certificate, path).code == "E204"
    certificate.write_bytes(text.replace(b"least_margin", b"enumerated_loss"))
    assert check(certificate, path).code == "E110"


@pytest.mark.parametrize("metric", MEASURES)
def test_budget_ends_the_work(metric, tmp_path):
    """More work than the budget allows is refused before it is done."""
    path = reference.write(stack(Draw(5), Draw(5).attention(4, 2)), tmp_path)
    assert judge(path, "max-of-k", metric, 0, 1, budget=300).code == "E242"
