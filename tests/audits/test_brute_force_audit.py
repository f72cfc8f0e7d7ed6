"""Audits of verifiers that run every sequence: wrong verdicts are found, and intermediate values of another network."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from float_networks import small
from typer.testing import CliRunner

from mechproof.__main__ import app
from mechproof.audits import every_sequence, reporting
from mechproof.audits.attack import lie
from mechproof.audits.brute_force import Disagreement, quantities
from mechproof.audits.comparing import LARGEST_WRONG
from mechproof.audits.corpus import entry
from mechproof.audits.every_sequence import TooClose, Undecided
from mechproof.audits.findings import Kind, Verdict
from mechproof.audits.network_audit import Audit
from mechproof.audits.session import Session
from mechproof.audits.verifiers import Runner, UnknownVerifier, published
from mechproof.rewrites.published.network import FloatNetwork

# A warning of our own arithmetic is a mistake of ours, such as infinity less infinity.
pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

ONE = ("float32",)
FULL, CACHED = published("brute-force"), published("brute-force/cached")


def without_positions(path: Path, seed: int) -> Path:
    """Keys that know no position: W_K does not read the coordinate in which positions are."""
    generator = np.random.default_rng(seed)
    positions, keys = np.zeros((3, 4), np.float32), generator.normal(size=(4, 4)).astype(np.float32)
    positions[:, 3], keys[3] = generator.normal(size=3), 0
    return small(path, seed, 0.5, 2, W_pos=positions, W_K=keys)


@pytest.mark.parametrize(
    "flavour", ["float16", "denormal", "huge", "tiny", "twin outputs", "uniform attention", "nearly twin outputs"]
)
def test_every_sequence_is_decided(flavour, oracle):
    """Doubles where they suffice, exact arithmetic elsewhere: wrong by the definition, ties included, and no other."""
    for seed in range(5):
        net = oracle.random_net(seed, flavour)
        right = every_sequence.EverySequence(net.margin()).right()
        sequences = product(range(net.V), repeat=net.K)
        assert {t for t, found in zip(sequences, right, strict=True) if not found} == set(net.truth.wrong), seed


def test_ties_are_not_right(tmp_path):
    """Where all logits are equal no sequence is right, and it takes exact arithmetic to say so."""
    session = Session(small(tmp_path, 0, W_U=np.zeros((4, 3), np.float32)))
    assert not session.every.right().any()
    assert session.every.close == 27


def decided(path: Path) -> tuple[Session, list[bool], list[bool]]:
    """What doubles say where they may, and what exact arithmetic says."""
    session = Session(path)
    tokens = list(product(range(session.truth.size), repeat=session.truth.positions))
    return session, session.every.right().tolist(), [session.every.rival(one) is None for one in tokens]


def underflowing(folder: Path, seed: int) -> Path:
    """Attention of most sequences near the least doubles: products of it with small logits have no bits."""
    generator = np.random.default_rng(seed)
    w = {name: generator.normal(size=(4, 4)) for name in ("W_V", "W_E")}
    w["W_E"][:, 0], w["W_E"][:, 1], w["W_V"][1] = 1, (0, 0.01, 0, 350), 0
    w |= {"W_pos": np.zeros((3, 4)), "W_Q": np.eye(4) * 2, "W_K": np.zeros((4, 4))}
    w["W_K"][1, 0] = 2
    outputs = generator.normal(size=(4, 4))
    w["W_U"] = (outputs[:, :1] + outputs / 20) * 2.0**-64
    w["W_U"][1] = 0
    single = {name: value.astype(np.float32) for name, value in w.items()}
    return small(folder, seed, 1.0, 0, size=4, positions=3, **single)


@pytest.mark.parametrize("seed", [0, 5])
def test_mutant_without_underflow(seed, tmp_path, monkeypatch):
    """Where products underflow exact arithmetic decides; an error of doubles without them decides wrongly."""
    path = underflowing(tmp_path, seed)
    session, found, truth = decided(path)
    assert found == truth
    assert 0 < session.every.close < 64
    monkeypatch.setattr(every_sequence, "TINIEST", 0.0)
    assert Session(path).every.right().tolist() != truth


def test_overflow_decides_nothing(tmp_path):
    """Logits near the largest doubles: sums of them are infinite, and all are decided exactly."""
    outputs = np.random.default_rng(0).random((4, 3)) * 2.0**1021
    path = small(tmp_path, 0, 0.5, W_E=np.ones((3, 4)), W_V=np.eye(4), W_O=np.eye(4), W_U=outputs)
    session, found, truth = decided(path)
    assert found == truth
    assert session.every.close == 27


def test_what_stays_open_is_an_error(tmp_path, monkeypatch):
    """A sign that no precision shows is neither right nor wrong."""
    session = Session(small(tmp_path, 0, W_U=np.zeros((4, 3), np.float32)))
    monkeypatch.setattr("mechproof.rewrites.rules.additive_margin.AdditiveMargin.sign", lambda *_: None)
    with pytest.raises(Undecided, match="stays open"):
        session.every.right()


def test_the_witness_is_found_behind_a_near_tie(tmp_path):
    """Doubles suspect an output that is 2^-60 below the right one; the one that ties with it is found all the same."""
    tokens, outputs = np.zeros((3, 4), np.float32), np.zeros((4, 3), np.float32)
    tokens[:, :2], tokens[1, 2], tokens[2, 3] = 1, 3, 3
    outputs[0], outputs[1, 1], outputs[2, 1], outputs[3, 2] = 1, -(2.0**-60), 1, 1
    nothing, values = np.zeros((4, 4), np.float32), np.diag([0, 0, 4, 4]).astype(np.float32)
    path = small(
        tmp_path,
        0,
        W_E=tokens,
        W_pos=np.zeros((2, 4), np.float32),
        W_Q=nothing,
        W_V=values,
        W_O=np.eye(4, dtype=np.float32),
        W_U=outputs,
    )
    (bound,) = Session(path).audit(FULL, ONE).bounds
    assert [(one.cell, one.witness and one.witness.output) for one in bound.findings] == [((0, 0), 2)]
    assert (bound.verdict, bound.false_cells) == (Verdict.false, 1)


@pytest.mark.parametrize("size", [1, 2])
def test_one_position(size, tmp_path):
    """A network that reads its query only, with one token or two, is audited like others."""
    session, found, truth = decided(small(tmp_path, 0, 0.5, 2, size=size, positions=1))
    assert found == truth
    for name in ("brute-force", "exact/mean/EQKE", "svdq/drop/mmrec"):
        for bound in session.audit(published(name)).bounds:
            assert bound.verdict is Verdict.holds


def test_too_many_ties_are_an_error(tmp_path, monkeypatch):
    """Millions of exact decisions are not started: an error says how many are needed."""
    monkeypatch.setattr(every_sequence, "CLOSE", 10)
    session = Session(small(tmp_path, 0, W_U=np.zeros((4, 3), np.float32)))
    with pytest.raises(TooClose, match="at most 10"):
        session.audit(FULL, ONE)


def test_the_error_of_doubles_is_bounded(tmp_path, monkeypatch):
    """With tokens taken one, two or three at a time the answers are the same, and those of enclosures."""
    path = small(tmp_path, 4, 0.5, 2, positions=4)
    session = Session(path)
    tokens = np.array(list(product(range(3), repeat=4)))
    gaps = quantities(session, tokens)[LARGEST_WRONG]
    for together in (1, 3, 9, 27):
        monkeypatch.setattr(every_sequence, "TOGETHER", together)
        assert Session(path).every.right().tolist() == [bool(gap < 0) for gap in gaps]


def test_attention_to_positions_is_found_missing(tmp_path):
    """The cached pass drops positions: its attention is not the network's, by far more than floats, by name."""
    session = Session(small(tmp_path, 1, 0.5, 2))
    honest, cached = (session.audit(one, ONE) for one in (FULL, CACHED))
    assert honest.bounds[0].strays == ()
    assert [stray.step for stray in cached.bounds[0].strays] == ["attention", LARGEST_WRONG]
    attention = cached.bounds[0].strays[0]
    assert attention.amount > 1000 * max(step.absolute for step in cached.runs[0].steps)
    assert cached.bounds[0].verdict in (Verdict.false, Verdict.not_implied)
    log = json.dumps(reporting.sarif(Audit("small", (cached,)), "0"))
    assert "another-quantity" in log


def test_a_right_number_from_wrong_values_is_not_implied(tmp_path):
    """Where dropping positions changes no verdict, the count is true and still follows from nothing."""
    generator = np.random.default_rng(0)
    found = Session(small(tmp_path, 0, 0.05, 3, W_pos=generator.normal(size=(3, 4)).astype(np.float32) / 8))
    (bound,) = found.audit(CACHED, ONE).bounds
    assert bound.count == bound.truth
    assert (bound.lost, bound.false_cells) == (0, 0)
    assert bound.verdict is Verdict.not_implied
    assert "attention is not the network's" in bound.sentence()


@pytest.mark.parametrize("seed", range(3))
def test_without_attention_to_positions_it_holds(seed, tmp_path):
    """The cached pass is right about networks whose keys know no position, also where positions have values."""
    session = Session(without_positions(tmp_path, seed))
    for verifier in (FULL, CACHED):
        (bound,) = session.audit(verifier, ONE).bounds
        assert (bound.verdict, bound.count) == (Verdict.holds, bound.truth)


def test_names_do_not_matter(tmp_path):
    """The same computation under another name gets the same findings."""
    assert isinstance(CACHED, Runner)
    session = Session(small(tmp_path, 1, 0.5, 2))
    plain, hidden = (
        session.audit(one, ("bfloat16", "float32")).bounds for one in (CACHED, replace(CACHED, name="brute-force"))
    )
    assert plain == tuple(replace(bound, verifier=CACHED.name) for bound in hidden)


def test_wrong_verdicts_are_found(tmp_path, oracle):
    """What is called right and is wrong is listed with a witness; what is called wrong and is right is counted."""
    both = [0, 0]
    for seed in range(8):
        path = small(tmp_path, seed, 0.5, 1, positions=4)
        truth = oracle.stored(path).truth
        (bound,) = Session(path).audit(CACHED, ONE).bounds
        assert bound.truth == truth.right
        for found in bound.false:
            assert found.witness is not None
            assert found.cell == found.witness.tokens
            assert found.cell in truth.wrong
            assert found.claimed < 0 <= found.excess
        assert bound.count == truth.right + bound.false_cells - bound.lost
        assert bound.verdict is (Verdict.false if bound.false else Verdict.not_implied)
        if bound.lost:
            assert bound.loss not in truth.wrong
            assert "called wrong" in bound.sentence()
        both[0] += bound.false_cells
        both[1] += bound.lost
    assert min(both) > 0


def test_a_tie_called_right_is_false(tmp_path):
    """The argmax of equal logits is one of them: a sequence that is not right counts as right."""
    (bound,) = Session(small(tmp_path, 0, W_U=np.zeros((4, 3), np.float32))).audit(FULL, ONE).bounds
    assert (bound.verdict, bound.truth) == (Verdict.false, 0)
    assert bound.false[0].claimed == 0


def test_a_few_of_many_are_listed(tmp_path, monkeypatch):
    """With more wrong verdicts than are listed, all are counted."""
    monkeypatch.setattr("mechproof.audits.brute_force.LISTED", 1)
    path = small(tmp_path, 1, 0.5, 1, positions=4)
    (bound,) = Session(path).audit(CACHED, ONE).bounds
    assert len(bound.findings) == 1 < bound.false_cells == bound.count - (bound.truth or 0) + bound.lost
    assert f"{bound.false_cells} such cells" in bound.sentence()


def test_the_total_must_be_the_proved_one(tmp_path, monkeypatch):
    """A count of right sequences that a proof contradicts is no truth to measure others by."""
    session = Session(without_positions(tmp_path, 0))
    assert session.every.right().any()
    monkeypatch.setattr(session.every, "right", lambda progress: np.zeros(27, dtype=bool))
    with pytest.raises(Disagreement):
        session.audit(FULL, ONE)


def test_what_costs_too_much_is_not_started(tmp_path):
    """More sequences than the budget: no bound, and the reason with what it would take."""
    one = Session(small(tmp_path, 0)).audit(FULL, ONE, budget=26)
    assert one.bounds == ()
    assert "27 sequences" in one.runs[0].skipped
    assert "budget is 26" in one.runs[0].skipped
    assert not Audit("small", (one,)).holds


def test_a_type_that_cannot_run_is_skipped(tmp_path):
    """What torch cannot run in one type is said, and the other types are audited."""

    def model(network: FloatNetwork):
        if network.W_E.dtype == torch.float16:
            raise RuntimeError("\"addmm_impl_cpu_\" not implemented for 'Half'")
        assert isinstance(FULL, Runner)
        return FULL.model(network)

    assert isinstance(FULL, Runner)
    found = Session(small(tmp_path, 0)).audit(replace(FULL, model=model), ("float16", "float32"))
    assert [bound.dtype for bound in found.bounds] == ["float32"]
    assert {run.setting.dtype for run in found.runs if run.skipped} == {"float16"}


def test_attacks_reach_it(tmp_path):
    """A network on which the cached pass lies is seen by the search for such networks, and described in a corpus."""
    path = small(tmp_path, 1, 0.5, 1, positions=4)
    with np.load(path) as archive:
        weights = {name: archive[name] for name in archive.files}
    assert lie(CACHED, weights) > 0 > lie(FULL, weights)
    (bound,) = Session(path).audit(CACHED, ONE).bounds
    assert bound.kind is Kind.sequence
    assert str(bound.false[0].cell) in entry("x.npz", bound)["claim"]


def test_names_are_known():
    """The new families have names, and a name that has no replay is answered with all of them."""
    assert [published(name).name for name in ("cubic", "brute-force")] == ["cubic", "brute-force"]
    with pytest.raises(UnknownVerifier, match=r"loss, cubic, brute-force, brute-force/cached"):
        published("brute-force/quick")


@pytest.mark.ci
def test_command(tmp_path):
    """``mechproof audit`` in two processes, with a configuration beside the weights, and with a budget."""
    path = without_positions(tmp_path, 0)
    config = tmp_path / "cfg.json"
    config.write_text(json.dumps({"n_layers": 1, "n_heads": 1, "attn_only": True, "normalization_type": None}), "utf-8")
    run = partial(CliRunner().invoke, app)
    options = [str(path), "--dtype", "float32", "--config", str(config), "--quiet", "--json"]
    chosen = ["--strategy", "cubic", "--strategy", "brute-force/cached"]
    both = run(["audit", *options, *chosen, "--jobs", "2"])
    assert both.exit_code == 0, both.output
    assert [one["verifier"] for one in json.loads(both.output)["verifiers"]] == ["cubic", "brute-force/cached"]
    refused = run(["audit", *options, "--strategy", "brute-force", "--budget", "5"])
    assert refused.exit_code == 1
    assert "the budget is 5" in json.loads(refused.output)["skipped"][0]
    config.write_text(json.dumps({"normalization_type": "LN"}), "utf-8")
    assert run(["audit", *options, *chosen]).exit_code != 0
