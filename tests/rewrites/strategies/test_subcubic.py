"""The sub-cubic family: no configuration above the truth, every option of use, proofs that replay.

MECHPROOF_SOAK=n tries n random networks a family, and every configuration on the stored ones, with each tightening
switched off (``make soak``); the default is a sample.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
from collections.abc import Iterator
from importlib.abc import MetaPathFinder
from typing import Any

import numpy as np
import pytest
from gap_cells import leaning, noisy, wrongly_certified
from shares import halved, shared_out

from mechproof.engine.graph import ProofGraph
from mechproof.models import zoo
from mechproof.models.problem import statement_of
from mechproof.rewrites.rules.logit_gap import LogitGap
from mechproof.rewrites.strategies import Options, UnknownStrategy, UnknownTightening, prove_accuracy, tightenings
from mechproof.rewrites.strategies.splits import attention, direct
from mechproof.rewrites.strategies.subcubic import DEFAULT_VARIANT, HANDLINGS, TIGHTENINGS, VARIANTS

SOAK = int(os.environ.get("MECHPROOF_SOAK", "0"))
NETWORKS = SOAK or 2
OFFS = [(), *((name,) for name in TIGHTENINGS), tuple(TIGHTENINGS)]
Configuration = tuple[str, tuple[str, ...]]


def proof(statement: Any, configuration: Configuration) -> tuple[ProofGraph, int, LogitGap]:
    """The graph, the lower bound, and the claim of logit gaps."""
    variant, off = configuration
    graph, goal = prove_accuracy(statement, f"subcubic/{variant}", Options(off=off))
    (gap,) = {d.claim for d in graph.derivations() if d.rule.name == "logit_gap"}
    return graph, graph.claim(goal).low, graph.claim(gap)


def sample(seed: str, count: int) -> list[Configuration]:
    """Random configurations with random tightenings switched off."""
    rng = random.Random(seed)
    return [(rng.choice(VARIANTS), tuple(name for name in TIGHTENINGS if rng.random() < 0.3)) for _ in range(count)]


def test_the_family():
    """Five ways for the direct path, three for the largest gap, eleven for EQKE; the default is among them."""
    assert (len(direct.OPTIONS), len(HANDLINGS), len(attention.OPTIONS)) == (5, 3, 11)
    assert len(set(VARIANTS)) == 165 and DEFAULT_VARIANT in VARIANTS
    assert tightenings("subcubic") is TIGHTENINGS


@pytest.mark.parametrize("first", shared_out(range(8), kept=[0]))
def test_every_configuration_certifies_something(oracle, first):
    """On one network with noise everywhere each configuration has cells of two tokens, all right, and stays below."""
    net = leaning(oracle, 0)
    for variant in VARIANTS[first::8]:
        _, low, gap = proof(net.statement, (variant, ()))
        assert gap.certified[:, :, 1:].sum() > 0
        assert not wrongly_certified(gap, net)
        assert net.V < low <= net.truth.right < net.V**net.K


def test_the_published_switches_lose(oracle):
    """Each tightening gains something on some network where it applies, and never loses with a chord."""
    gained = dict.fromkeys(TIGHTENINGS, 0)
    for seed in range(6):
        net = noisy(oracle, random.Random(seed), 4, 3)
        for name in TIGHTENINGS:
            variant = "mean/chord/mmd" if name in ("T4", "T5") else DEFAULT_VARIANT
            best, without = (proof(net.statement, (variant, off))[1] for off in ((), (name,)))
            assert without <= best or name in ("T5", "T8")
            gained[name] += best > without
    assert all(gained.values()), gained


def deceptive() -> Iterator[tuple[str, int, Configuration]]:
    """File, exact count, configuration: every configuration, with every tightening and without each."""
    files = {"cell_v3_k3.npz": 16, "total_v8_k4.npz": 513}
    for (file, right), variant, off in itertools.product(files.items(), VARIANTS, OFFS):
        yield file, right, (variant, off)


@pytest.mark.parametrize("first", shared_out(range(4), kept=[0]))
def test_networks_that_deceive_the_averaging_rule(oracle, data, first):
    """No configuration claims more than 16 of 27 and 513 of 4096, where the published rule claims 20 and 1233."""
    every = list(deceptive())
    chosen = every if SOAK else random.Random(1).sample(every, 60)
    nets = {file: oracle.stored(data / "unsound_averaging" / file) for file, _, _ in every[:: len(every) // 2]}
    for file, right, configuration in chosen[first::4]:
        _, low, gap = proof(nets[file].statement, configuration)
        assert low <= right == nets[file].truth.right, (file, configuration)
        assert not wrongly_certified(gap, nets[file]) or low > right


@pytest.mark.parametrize("off", OFFS, ids=str)
def test_the_anchored_configurations_on_the_deceptive_cell(oracle, data, off):
    """The cell that the published rule certifies wrongly is never certified, by any configuration of its own kind."""
    net = oracle.stored(data / "unsound_averaging/cell_v3_k3.npz")
    for name in direct.OPTIONS:
        _, low, gap = proof(net.statement, (f"{name}/mean/EQKE", off))
        assert low <= 16 and not gap.certified[0, 2, 2]


FLAVOURS = ["float16", "eighths", "huge", "twin outputs", "uniform attention", "cancelling paths", "denormal"]


@pytest.mark.parametrize("seed", shared_out(range(NETWORKS), kept=[0]))
@pytest.mark.parametrize("flavour", halved(["leaning", "noisy", *FLAVOURS]))
def test_random_networks(oracle, flavour, seed):
    """Sampled configurations on random networks: never above the exact count, and only right sequences in cells."""
    if flavour == "leaning":
        net = leaning(oracle, seed)
    elif flavour == "noisy":
        net = noisy(oracle, random.Random(seed), 2 + seed % 4, 2 + seed % 2)
    else:
        net = oracle.random_net(seed, flavour)
    for configuration in sample(f"{flavour} {seed}", 8 if seed else 4):
        _, low, gap = proof(net.statement, configuration)
        assert low <= net.truth.right, configuration
        assert not wrongly_certified(gap, net)


@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 3), (2, 1), (5, 1), (2, 9), (3, 5)])
def test_edge_sizes(oracle, V, K):
    """One token, one position, numbers of positions that are no power of two."""
    net = oracle.random_net(1, "eighths", V, K)
    for configuration in [(f"{name}/chord/EQKE", ()) for name in direct.OPTIONS] + sample(f"{V} {K}", 2):
        _, low, gap = proof(net.statement, configuration)
        assert low <= net.truth.right
        assert not wrongly_certified(gap, net)


def test_a_trained_network():
    """Max of 4: sampled configurations stay below the exact count, and the best counts nine tenths of the inputs."""
    name = "max_of_4_v64_d32_seed50"
    statement = statement_of(zoo.path(name))
    found = {}
    for configuration in [(DEFAULT_VARIANT, ()), *sample("zoo", 2 * NETWORKS)]:
        _, found[configuration], _ = proof(statement, configuration)
    assert max(found.values()) < zoo.manifest()[name]["exact_accuracy"]["right"]
    assert 100 * found[DEFAULT_VARIANT, ()] > 89 * 64**4


def conclusions(graph: ProofGraph) -> list[tuple[str, str]]:
    return sorted((graph.claim(d.claim).kind, graph.claim(d.claim).identity()) for d in graph.derivations())


FINDERS = tuple(f"mechproof.rewrites.{name}" for name in ("strategies", "advice", "splits", "methods"))


class _Blocked(MetaPathFinder):
    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        if fullname.startswith(FINDERS):
            raise ImportError(f"{fullname} is not there")


@pytest.mark.parametrize("variant", [DEFAULT_VARIANT, "mean/mean/msub", "svdq/drop/svd"])
def test_replay_from_the_rules_alone(oracle, monkeypatch, variant):
    """With everything gone that found the proof, the graph alone gives every conclusion."""
    graph, low, gap = proof(leaning(oracle, 0).statement, (variant, ()))
    assert low > gap.certified.shape[0]
    for module in list(sys.modules):
        if module.startswith(FINDERS):
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [_Blocked(), *sys.meta_path])
    again = graph.replay()
    assert conclusions(again) == conclusions(graph)
    assert [d.rule.tag for d in again.derivations()] == [d.rule.tag for d in graph.derivations()]
    for name in FINDERS:
        with pytest.raises(ImportError):
            __import__(name)


def test_proofs_are_the_same_every_time(oracle):
    """The same network and configuration give the same conclusions."""
    net = leaning(oracle, 0)
    for configuration in sample("again", 3):
        first, second = (proof(net.statement, configuration)[0] for _ in range(2))
        assert conclusions(first) == conclusions(second)


def test_unknown_names_are_refused(oracle):
    """A configuration or a tightening that there is not, with what there is."""
    statement = oracle.net(2, 2, 1, 1).statement
    with pytest.raises(UnknownStrategy, match="subcubic/exact/chord/EQKE"):
        prove_accuracy(statement, "subcubic/exact/chord/EQK")
    with pytest.raises(UnknownTightening, match="T5"):
        prove_accuracy(statement, "subcubic", Options(off=("T6",)))


def test_certified_cells_are_a_mask(oracle):
    """Booleans, one a cell, nothing above the diagonal."""
    _, _, gap = proof(leaning(oracle, 0).statement, (DEFAULT_VARIANT, ()))
    q, m, _ = np.nonzero(gap.certified)
    assert gap.certified.dtype == np.bool_ and (q <= m).all()
