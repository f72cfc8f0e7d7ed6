"""Verifiers as people write them: published ones unchanged, others retyped, with what is wrong in them."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from audited_programs import (
    attention_verifier,
    careless_dn,
    convolutional,
    coset_verifier,
    cosets,
    crown,
    exactly,
    ibp,
    network,
    outward,
    row_sums,
    trained,
)

from mechproof.audits.program.record import Kind
from mechproof.audits.program.verdict import Verdict, audit
from mechproof.audits.session import float_weights
from mechproof.models.problem import statement_of
from mechproof.models.zoo import path
from mechproof.rewrites.published import cubic, sub_cubic
from mechproof.rewrites.published.network import FloatNetwork

CORPUS = sorted((Path(__file__).parents[2] / "data" / "crown_witnesses").glob("*.npz"))
EPS = 2.0**-6


def published(name: str, dtype: torch.dtype) -> FloatNetwork:
    return FloatNetwork.of(float_weights(statement_of(path(name))), dtype)


@pytest.mark.parametrize("configuration", ["exact/mean/EQKE", "exact/drop/mdx", "mean/mean/svd"])
def test_the_published_sub_cubic_verifier(configuration):
    """As published, in float32: nothing is left open, and the count is the exact one."""
    net = published("max_of_2_v64_d32_seed123", torch.float32)
    chosen = sub_cubic.Configuration.of(configuration)
    gaps = sub_cubic.search(net, chosen)
    report = audit(lambda: {"count": sub_cubic.replay(net, chosen, gaps).count()}, lower="count")
    assert report.verdict is Verdict.holds and report.low == report.claimed
    assert report.observed.undecided == 0 and report.observed.compared > 8000


@pytest.mark.ci
def test_the_published_cubic_verifier():
    """The same, in float32; in bfloat16 comparisons of the published code flip, and the count is another."""
    runs = {}
    for dtype in (torch.float32, torch.bfloat16):
        net = published("max_of_2_v64_d32_seed123", dtype)
        runs[dtype] = audit(lambda net=net: cubic.replay(net).count(), lower="")
    exact, coarse = runs[torch.float32], runs[torch.bfloat16]
    assert exact.verdict is Verdict.holds and exact.observed.flipped == exact.observed.undecided == 0
    flips = [finding for finding in coarse.findings if finding.kind is Kind.flip]
    assert coarse.low == coarse.high != coarse.claimed and sum(flip.count for flip in flips) > 0
    assert all(Path(flip.place.file).parent.name == "published" for flip in flips)


PROGRAMS = {
    "IBP": lambda: (partial(ibp, network(8, 16, 16, 1, seed=0)), torch.full((1, 8), 0.3), "0.0"),
    "CROWN": lambda: (partial(crown, network(8, 16, 16, 1, seed=0)), torch.full((1, 8), 0.3), "0"),
    "CROWN of a trained network": lambda: (partial(crown, trained(seed=0)), torch.tensor([[0.1, 0.2]]), "1"),
    "CROWN of a convolution": lambda: (partial(crown, convolutional(seed=0)[0]), torch.full((1, 2, 6, 6), 0.3), "2"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_bounds_of_relu_networks_are_decided(name):
    """Every output has a sound bound to sixteen digits, whether or not the float one is implied."""
    program, x, place = PROGRAMS[name]()
    report = audit(program, x, EPS, lower=place)
    assert report.verdict in (Verdict.holds, Verdict.widened) and report.observed.undecided == 0
    assert report.high - report.low < 1e-13 and abs(report.low - report.claimed) < 1e-6


def test_a_literal_that_the_run_rounds_is_told():
    """The ball of radius 0.02 is not that of float32's 0.02."""
    report = audit(partial(crown, network(4, 8, 2, seed=1)), torch.zeros(1, 4), 0.02, lower="0")
    assert any(f.kind is Kind.literal and "0.02, of which the run has 0.0199999" in f.example for f in report.findings)


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
def test_float_crown_bounds_are_not_bounds(file):
    """Frozen: a network, a ball, a bound that CROWN gave in float32, and an input whose exact output is below it."""
    data = np.load(file)
    layers = [
        ("linear", torch.from_numpy(data[f"W{place}"]), torch.from_numpy(data[f"b{place}"])) for place in range(3)
    ]
    eps, bound = Fraction(float(data["eps"])), Fraction(float(data["bound"]))
    corner = [Fraction(a) - eps * int(s) for a, s in zip(data["x"][0].tolist(), data["signs"], strict=True)]
    (value,) = exactly(layers, corner)
    assert value < bound
    if "sign" in file.stem:
        assert value < 0 < bound
    report = audit(crown, layers, torch.from_numpy(data["x"]), float(data["eps"]), lower="0")
    assert Fraction(report.low) <= value
    if Fraction(report.claimed) == bound:  # on machines that sum as the one that recorded
        assert report.verdict is Verdict.widened


def test_there_is_a_corpus():
    """Else the test above would pass with nothing."""
    assert len(CORPUS) >= 5 and any("sign" in file.stem for file in CORPUS)


def weights(seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {"Q": (24, 8), "K": (24, 8), "V": (24,), "W": (50, 50), "a": (20,), "b": (20,)}
    return {name: torch.randn(*shape, generator=generator) for name, shape in shapes.items()}


def test_an_attention_verifier():
    """The count is certified; the least share is decided to fifteen digits."""
    count, share = (audit(attention_verifier, weights(1), lower=place) for place in ("count", "share"))
    assert count.verdict is Verdict.holds and count.low == count.high
    assert share.verdict in (Verdict.holds, Verdict.widened) and share.high - share.low < 1e-15


def test_a_planted_error_is_found():
    """A rule without room for rounding fails on some weights, and the bound that is implied comes with the verdict."""
    reports = [audit(row_sums, weights(seed), upper="bound") for seed in range(6)]
    found = [report for report in reports if report.verdict is Verdict.widened]
    assert found and all(report.bound >= report.high > report.claimed for report in found)


def test_an_interval_module_with_outward_rounding():
    """Every call is checked against its real function; a product that is not rounded down is found by name and line."""
    assert audit(outward, weights(2), lower="low").verdict is Verdict.holds
    careless = audit(partial(outward, product=careless_dn), weights(2), lower="low", name="outward")
    assert careless.verdict is Verdict.not_implied and "careless_dn" in careless.sentence()


def test_ties_within_cosets_are_decided():
    """Outputs of one coset tie exactly, through averages of three: open in pairs of doubles, equal in rationals."""
    report = audit(coset_verifier, cosets(seed=0), lower="ties")
    assert report.observed.undecided == 1152 and report.precision == "rationals and 1024 bits"
    assert (report.verdict, report.low, report.high) == (Verdict.holds, 1728, 1728)
    assert audit(coset_verifier, cosets(seed=0), lower="count").verdict is Verdict.holds
