"""Exact ties are decided, and are wrong; what no exact test is known for stays undecided and counts on neither side."""

from __future__ import annotations

from fractions import Fraction

import layered_network as reference
import numpy as np
import pytest
from shares import shared_out

import mechproof
from mechproof.engine.checker import check
from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.networks import evaluator, folding, forms
from mechproof.engine.checker.networks.enumeration import Deciding
from mechproof.engine.checker.networks.network_file import read_description
from mechproof.engine.checker.networks.passes import Passes
from mechproof.engine.checker.networks.statement import statement_hash
from mechproof.engine.checker.networks.task import read_task

Draw = reference.Draw


def outcomes(layers, folder, task_text='positions = 2\nanswer = "max(t)"\n'):
    """Counts of right, wrong and undecided inputs; and what was decided, by input."""
    path = reference.write(layers, folder)
    (folder / "task.toml").write_text(task_text)
    network, task = read_task(str(folder / "task.toml"), read_description(str(path), None))
    deciding = Deciding(Passes(network, task, Budget(10**9)))
    found = {t: deciding.outcomes(t, task.answers(t))[0] for t in task.inputs}
    return path, network, task, found


def verified(path, network, task, low, high):
    """The verdict on these bounds."""
    certificate = path.with_suffix(".json")
    certificate.write_bytes(reference.certificate(statement_hash(network, task), low, high, task.size))
    return check(certificate, path, str(path.with_name("task.toml")))


def tied_outputs(draw, d, outputs):
    """Layers that end in outputs 0 and 1 of other columns, and equal logits: one more number of the stream is a copy of
    the first, and the two columns differ in which of these they read."""
    last = draw.unembed(d + 1, outputs)
    last["W_U"][:, 1], last["b_U"][1] = last["W_U"][:, 0], last["b_U"][0]
    last["W_U"][d, 0] = last["W_U"][0, 1] = 0
    last["W_U"][d, 1] = last["W_U"][0, 0]
    return [{"kind": "linear", "W": np.eye(d, d + 1, dtype=np.float32) + np.eye(d, d + 1, d, dtype=np.float32)}, last]


@pytest.mark.parametrize("function", ["relu", "square", "identity"])
def test_rational_networks_are_decided_by_fractions(function, tmp_path):
    """Networks of eighths tie often; every input is decided as fractions decide it."""
    draw = Draw(2, eighths=True)
    layers = [
        {"kind": "embed", "tables": [draw(6, 2), draw(6, 2)]},
        {"kind": "sum"},
        draw.mlp(2, 3, function, skip="none") | {"W_out": draw(3, 4), "b_out": draw(4)},
        {"kind": "unembed", "W_U": draw(4, 6)},
    ]
    path, network, task, found = outcomes(layers, tmp_path)
    exact = {name: [[Fraction(float(v)) for v in row] for row in layers[2][name]] for name in ("W_in", "W_out")}

    def right(t):
        x = [
            Fraction(float(a)) + Fraction(float(b))
            for a, b in zip(layers[0]["tables"][0][t[0]], layers[0]["tables"][1][t[1]], strict=True)
        ]
        u = [
            sum(a * w for a, w in zip(x, column, strict=True)) + Fraction(float(b))
            for column, b in zip(zip(*exact["W_in"], strict=True), layers[2]["b_in"], strict=True)
        ]
        h = [{"relu": max(v, Fraction(0)), "square": v * v, "identity": v}[function] for v in u]
        out = [
            sum(a * w for a, w in zip(h, column, strict=True)) + Fraction(float(b))
            for column, b in zip(zip(*exact["W_out"], strict=True), layers[2]["b_out"], strict=True)
        ]
        logits = [
            sum(a * Fraction(float(w)) for a, w in zip(out, column, strict=True)) for column in layers[3]["W_U"].T
        ]
        return all(logits[max(t)] > v for x, v in enumerate(logits) if x != max(t))

    assert found == {t: right(t) for t in found}
    count = sum(outcome is True for outcome in found.values())
    assert verified(path, network, task, count, count).status == "VERIFIED"


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("mask", ["causal", "none"])
def test_ties_behind_a_softmax_are_wrong(heads, mask, tmp_path):
    """Two outputs that are equal whatever the weights of the heads: a tie, not a near one; no input stays undecided."""
    draw = Draw(4)
    layers = [draw.embed(4, 3, 2), draw.attention(3, heads, mask=mask), *tied_outputs(draw, 3, 4)]
    _, _, _, found = outcomes(layers, tmp_path)
    with reference.mpmath.workdps(reference.DIGITS):
        assert found == {t: reference.right(layers, t, [max(t)])[0] for t in found}
    tied = [t for t in found if max(t) < 2]
    assert len(tied) == 4 and not any(found[t] for t in tied)


def mixing():
    """Positions weigh the same: the last one adds 1 to its own token, attention 3/2 to each; output 0 has 1 more."""
    eye = np.eye(3, dtype=np.float32)
    zero = np.zeros((1, 3, 2), dtype=np.float32)
    layers = [
        {"kind": "embed", "E": eye},
        {
            "kind": "attention",
            "scale": "1/sqrt(2)",
            "mask": "causal",
            "W_Q": zero,
            "W_K": zero,
            "W_V": eye[None],
            "W_O": 3 * eye[None],
        },
        {"kind": "unembed", "W_U": eye},
    ]
    layers[2]["b_U"] = np.array([1, 0, 0], dtype=np.float32)
    return layers


def test_ties_between_positions_are_found(tmp_path):
    """Outputs that are equal only because two positions weigh the same: equal tokens without position embeddings."""
    layers = mixing()
    _, _, _, found = outcomes(layers, tmp_path)
    with reference.mpmath.workdps(reference.DIGITS):
        assert found == {t: reference.right(layers, t, [max(t)])[0] for t in found}
    # t = (1, 0): logits 1.5 + 1 + 1 for 0, 1.5 for 1; t = (0, 1): 1.5 + 1 for 0, 1.5 + 1 for 1: a tie
    assert found[0, 1] is False


def test_relu_behind_a_softmax_is_decided(tmp_path):
    """Hidden units whose pre-activation is exactly zero, and outputs that tie behind them."""
    draw = Draw(6)
    mlp = draw.mlp(3, 4, "relu")
    mlp["W_in"][:, 0], mlp["b_in"][0] = 0, 0
    layers = [draw.embed(4, 3, 2), draw.attention(3, 2), mlp, *tied_outputs(draw, 3, 4)]
    _, _, _, found = outcomes(layers, tmp_path)
    with reference.mpmath.workdps(reference.DIGITS):
        assert found == {t: reference.right(layers, t, [max(t)])[0] for t in found}
    assert not any(found[t] for t in found if max(t) < 2)


@pytest.mark.parametrize("name", ["concat", "gated", "two heads behind a sum"])
def test_ties_behind_every_kind_of_layer_are_decided(name, tmp_path):
    """Weights of several positions side by side, a gate of what no attention mixed, sums behind two heads."""
    draw = Draw(9)
    middle, width = {
        "concat": ([draw.attention(3, 1), {"kind": "concat"}], 6),
        "gated": ([draw.mlp(3, 4, "relu", gated=True)], 3),
        "two heads behind a sum": ([draw.attention(3, 2), {"kind": "sum"}], 3),
    }[name]
    layers = [draw.embed(4, 3, 2), *middle, *tied_outputs(draw, width, 4)]
    _, _, _, found = outcomes(layers, tmp_path)
    with reference.mpmath.workdps(reference.DIGITS):
        assert found == {t: reference.right(layers, t, [max(t)])[0] for t in found}
    assert not any(found[t] for t in found if max(t) < 2)


@pytest.mark.parametrize("limit", ["MAX_TERMS", "MAX_BITS"])
def test_ties_that_would_take_too_long_stay_undecided(limit, tmp_path, monkeypatch):
    """More combinations of positions, or longer numbers, than the exact test takes: undecided, on neither side."""
    monkeypatch.setattr(forms, limit, 1)
    _, _, _, found = outcomes(mixing(), tmp_path)
    assert found[0, 1] == [0] and sum(isinstance(outcome, bool) for outcome in found.values()) >= 4


@pytest.mark.parametrize("name", ["norm", "gelu", "two layers", "square", "gate of a mixture"])
def test_ties_without_a_test_stay_undecided(name, tmp_path):
    """Where no exact test is known, a tie is undecided: it counts neither as right nor as wrong."""
    draw = Draw(8)
    last = tied_outputs(draw, 3, 3)
    last[-1]["b_U"][2] = -999
    middle = {
        "norm": [draw.attention(3, 1, norm=draw.norm(3))],
        "gelu": [draw.attention(3, 1), draw.mlp(3, 4, "gelu")],
        "two layers": [draw.attention(3, 1), draw.attention(3, 1)],
        "square": [draw.attention(3, 1), draw.mlp(3, 4, "square")],
        "gate of a mixture": [draw.attention(3, 1), draw.mlp(3, 4, "relu", gated=True)],
    }[name]
    layers = [draw.embed(3, 3, 2), *middle, *last]
    path, network, task, found = outcomes(layers, tmp_path)
    with reference.mpmath.workdps(reference.DIGITS):
        true = {t: reference.right(layers, t, [max(t)])[0] for t in found}
        open_at = {t for t in found if not isinstance(found[t], bool)}
        assert open_at and all(isinstance(found[t], list) and max(t) < 2 for t in open_at)
        assert all(found[t] == true[t] for t in found if t not in open_at)
    low = sum(true.values())
    assert verified(path, network, task, low, low + len(open_at)).status == "VERIFIED"
    assert verified(path, network, task, low, low + len(open_at) - 1).code == "E216"


KINDS = list(reference.every_kind(Draw(0)))


@pytest.mark.parametrize("name", shared_out(KINDS, kept=KINDS[::2]))
def test_outputs_with_one_column_tie_on_every_input(name, tmp_path):
    """Whatever is below them: no input is undecided, and none is right whose answer is one of them."""
    layers = reference.every_kind(Draw(5))[name]
    layers[-1]["W_U"][:, 1] = layers[-1]["W_U"][:, 0]
    if "b_U" in layers[-1]:
        layers[-1]["b_U"][1] = layers[-1]["b_U"][0]
    path, network, task, found = outcomes(layers, tmp_path, 'positions = 3\nanswer = "sum(t) % 5"\n')
    assert all(outcome is False for t, outcome in found.items() if sum(t) % 5 < 2)
    some = [t for t in found if sum(t[:2]) in (3, 5)]
    with reference.mpmath.workdps(reference.DIGITS):
        assert [found[t] for t in some] == [reference.right(layers, t, [sum(t) % 5])[0] for t in some]
    count = sum(outcome is True for outcome in found.values())
    assert verified(path, network, task, count, count).status == "VERIFIED"
    proof = mechproof.prove(path, task=str(path.with_name("task.toml")))
    assert (proof.theorem.low, proof.theorem.high) == (count, count)


@pytest.mark.parametrize("changed", ["W_U", "b_U"])
def test_one_more_unit_is_another_column(changed, tmp_path, monkeypatch):
    """Columns that differ in one number, or a bias that does, by as little as a float64 can: no tie."""
    draw = Draw(3)
    layers = [draw.embed(3, 3, 2), draw.attention(3, 1, norm=draw.norm(3)), draw.unembed(3, 3)]
    last = layers[-1]
    for name in ("W_U", "b_U"):
        last[name] = last[name].astype(np.float64)
        last[name][..., 1] = last[name][..., 0]
    last["b_U"][2] = -999
    place = (0, 1) if changed == "W_U" else 1
    last[changed][place] += np.spacing(last[changed][place])
    _, _, _, found = outcomes(layers, tmp_path)
    assert all(isinstance(outcome, bool) for outcome in found.values())
    monkeypatch.setattr(reference, "TIE", 0)
    with reference.mpmath.workdps(reference.DIGITS):
        assert found == {t: reference.right(layers, t, [max(t)])[0] for t in found}


def test_near_ties_are_no_ties(tmp_path):
    """Margins far below every grid of the first pass are decided by their sign."""
    draw = Draw(4)
    layers = [draw.embed(4, 3, 2), draw.attention(3, 2), *tied_outputs(draw, 3, 4)]
    for name in ("W_U", "b_U"):
        layers[-1][name] = layers[-1][name].astype(np.float64)
    layers[-1]["b_U"][0] += 2.0**-44
    _, _, _, found = outcomes(layers, tmp_path)
    with reference.mpmath.workdps(reference.DIGITS):
        assert found == {t: reference.right(layers, t, [max(t)])[0] for t in found}


def test_exact_numbers_are_those_of_the_evaluator(tmp_path):
    """The forms, evaluated, are the logits: on a network with everything that they can say."""
    draw = Draw(9)
    layers = [
        draw.embed(4, 3, 3),
        draw.mlp(3, 4, "square"),
        draw.attention(3, 2, mask="none", scale="2/3"),
        draw.mlp(3, 4, "relu"),
        {"kind": "sum"},
        {"kind": "linear", "W": draw(3, 3), "b": draw(3)},
        draw.unembed(3, 4),
    ]
    _, network, task, _ = outcomes(layers, tmp_path, 'positions = 3\nanswer = "max(t)"\n')
    plan = folding.fold(network, task.read, Budget(10**9))
    for t in [(0, 1, 2), (3, 3, 1)]:
        exact = forms.Exact(plan, t, Budget(10**9))
        with reference.mpmath.workdps(50):
            (true,) = reference.logits(layers, t)
            for x in range(4):
                for y in range(4):
                    assert exact.above(0, x, y) == (true[x] > true[y] + reference.TIE)


def test_a_grid_that_is_too_coarse_says_so():
    """A softmax of scores that are not known to half a unit ends the pass."""
    with pytest.raises(evaluator.Coarse):
        evaluator.softmax([0, 0], 1 << 29, 30)


@pytest.mark.parametrize("bits", [30, 126])
def test_softmax_is_within_its_error(bits):
    """Against mpmath: also for scores that differ so much that weights vanish."""
    rng = np.random.default_rng(1)
    with reference.mpmath.workdps(80):
        for spread in (1, 20, 300):
            scores = [int(v * spread * 2**20) << bits - 20 for v in rng.normal(size=5)]
            weights, off = evaluator.softmax(scores, 0, bits)
            powers = [reference.mpmath.exp(reference.mpmath.mpf(s - max(scores)) / 2**bits) for s in scores]
            true = [p / sum(powers) * 2**bits for p in powers]
            assert sum(abs(a - b) for a, b in zip(weights, true, strict=True)) <= off
