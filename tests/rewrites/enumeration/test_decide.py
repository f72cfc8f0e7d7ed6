"""Every input is decided as a plain evaluation in many digits decides it: counts, margins, losses, lists."""

from __future__ import annotations

import itertools
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from plain_network import BITS, cross_entropies, logits, margins
from random_network import Maker, every_kind, network
from real_networks import GROUP_TRANSFORMER, real_network
from shared_data import shared
from shares import halved

from mechproof.engine.arithmetic.tensor import DyadicTensor
from mechproof.models.layers.linear import Linear
from mechproof.models.layers.unembed import Unembed
from mechproof.models.network import Network
from mechproof.models.recognition import recognise
from mechproof.models.tasks import task_of
from mechproof.models.tasks.inputs import InputSet
from mechproof.models.tasks.task import Task
from mechproof.models.weights import load
from mechproof.rewrites.enumeration import decide, processes
from mechproof.rewrites.enumeration.block import AnswerOutOfRange
from mechproof.rewrites.enumeration.decide import TooManyInputs
from mechproof.rewrites.enumeration.processes import WorkerDied

NETWORKS = every_kind(5)
INPUTS = 24  # of each network's 24 to 64


@dataclass(frozen=True)
class SumOfTwo:
    """(t_0 + t_r) mod 5 at every read position r."""

    read: tuple[int, ...]
    text = "(t[0] + t[r]) % 5"
    meaning = "$(t_0 + t_r)$ modulo 5"

    def __call__(self, tokens: np.ndarray) -> np.ndarray:
        return np.stack([(tokens[:, 0] + tokens[:, r]) % 5 for r in self.read], axis=1)


def task(net: Network, counted: str = "inputs") -> Task:
    sets = tuple(tuple(range(size)) for size in net.vocabulary(3))
    read = (0,) if net.check(3).positions == 1 else (1, 2)
    every = np.array(list(itertools.product(*sets)))
    some = every[np.random.default_rng(8).permutation(len(every))[:INPUTS]]
    return Task("test", InputSet(sets, "listed", some), read, SumOfTwo(read), counted)


def listed(chosen: Task) -> list[list[int]]:
    return np.concatenate(list(chosen.inputs.blocks(7))).tolist()


def plainly(net: Network, chosen: Task) -> list[tuple[Any, list[int]]]:
    """The logits at each read position, and the right answers, of every input."""
    every = listed(chosen)
    answers = chosen.answer(np.array(every)).tolist()
    return [(logits(net, tokens, chosen.read), right) for tokens, right in zip(every, answers, strict=True)]


def right_at(every: list[tuple[Any, list[int]]]) -> list[list[bool]]:
    """Right or not, at each input and position."""
    return [[x > 0 for x in margins(*one)] for one in every]


def truth(net: Network, chosen: Task) -> tuple[list[list[bool]], Any, Any]:
    """(right at each input and position, least margin, mean loss), plainly."""
    every = plainly(net, chosen)
    losses = [x for one in every for x in cross_entropies(*one)]
    with mpmath.workprec(BITS):
        least = min(x for one in every for x in margins(*one))
        return right_at(every), least, mpmath.fsum(losses) / len(losses)


def enclosed(low: Fraction, x: Any, high: Fraction) -> bool:
    with mpmath.workprec(BITS):
        return mpmath.mpf(low.numerator) / low.denominator <= x <= mpmath.mpf(high.numerator) / high.denominator


@pytest.mark.parametrize("name", halved(NETWORKS))
def test_every_kind_of_layer(name):
    """Counts in both modes, the least margin, the mean loss and the wrong inputs are the true ones."""
    net = NETWORKS[name]
    right, margin, loss = truth(net, task(net))
    found = decide(net, task(net))
    assert (found.right, found.wrong, found.undecided) == (
        sum(map(all, right)),
        sum(not all(row) for row in right),
        0,
    )
    assert found.margin is not None and found.margin.lower is not None and found.loss is not None
    assert found.margin.upper is not None
    assert enclosed(found.margin.lower, margin, found.margin.upper)
    assert enclosed(found.loss.lower, loss, found.loss.upper)
    assert found.loss.upper - found.loss.lower < Fraction(1, 4)  # logits are known up to 1/8 at worst
    expected = [
        (tuple(tokens), tuple(p for p, ok in zip(task(net).read, row, strict=True) if not ok))
        for tokens, row in zip(listed(task(net)), right, strict=True)
        if not all(row)
    ]
    assert list(found.wrong_inputs()) == expected
    pairs = decide(net, task(net, "pairs"), loss=False)
    assert (pairs.right, pairs.wrong) == (sum(map(sum, right)), sum(len(row) - sum(row) for row in right))
    assert pairs.loss is None


def twins(net: Network) -> Network:
    """Outputs 0 and 1 are the same function: wherever 0 is right otherwise, there is an exact tie.

    Their columns differ: the stream has one more number, a copy of the first, and they read one of the two each.
    """
    last = net.layers[-1]
    assert isinstance(last, Unembed) and last.b_U is not None
    bias = last.b_U.numerators.copy()
    bias[1] = bias[0]
    columns = last.W_U.numerators
    width = len(columns)
    columns = np.concatenate([columns, columns[:1] * 0])
    columns[:, 1] = columns[:, 0]
    columns[width, 1] = columns[0, 0]
    columns[width, 0] = columns[0, 1] = 0
    copied = DyadicTensor.of(
        (width, width + 1), (np.eye(width, width + 1) + np.eye(width, width + 1, width)).astype(int).ravel().tolist(), 0
    )
    ends = Unembed(DyadicTensor(columns, last.W_U.exponent), DyadicTensor(bias, last.b_U.exponent))
    return replace(net, layers=(*net.layers[:-1], Linear(copied), ends))


@pytest.mark.parametrize(
    "name", ["tables only", "two heads", "rational scale", "relu", "square", "gated relu", "concat"]
)
def test_ties_are_wrong(name):
    """Exact ties are decided, and wrong; nothing is left undecided."""
    net = twins(NETWORKS[name])
    right = right_at(plainly(net, task(net)))
    found = decide(net, task(net))
    assert (found.right, found.undecided) == (sum(map(all, right)), 0)
    if name in ("two heads", "rational scale"):
        assert found.stages["exact"] > 0


@pytest.mark.parametrize("name", halved(NETWORKS, 1))
def test_outputs_with_one_column_tie(name):
    """Whatever is below, they tie wherever one of them is the right answer, and nothing is undecided."""
    net = NETWORKS[name]
    last = net.layers[-1]
    assert isinstance(last, Unembed) and last.b_U is not None

    def twin(tensor: DyadicTensor) -> DyadicTensor:
        numerators = tensor.numerators.copy()
        numerators[..., 1] = numerators[..., 0]
        return DyadicTensor(numerators, tensor.exponent)

    net = replace(net, layers=(*net.layers[:-1], replace(last, W_U=twin(last.W_U), b_U=twin(last.b_U))))
    right = right_at(plainly(net, task(net)))
    found = decide(net, task(net))
    assert (found.right, found.wrong) == (sum(map(all, right)), INPUTS - sum(map(all, right)))
    assert found.stages["exact"] >= sum(
        row.count(a) for row in task(net).answer(np.array(listed(task(net)))).tolist() for a in (0, 1)
    )


@pytest.mark.parametrize("name", ["rmsnorm, weights False", "gated gelu", "no mask, two layers"])
def test_ties_without_a_test_are_undecided(name):
    """Where no tie test is known, ties count on neither side and are listed."""
    net = twins(NETWORKS[name])
    found = decide(net, task(net, "pairs"))
    listed = list(found.undecided_inputs())
    assert found.undecided == sum(len(positions) for _, positions in listed) == found.stages["open"] > 0
    assert found.right + found.wrong + found.undecided == 2 * INPUTS


def test_processes_change_nothing():
    """Two processes find what one finds, to the last digit, and progress reaches all inputs."""
    m = Maker(6)
    net = network(m.embed(40, 3, 8), m.attention(8, 2, 4), m.unembed(8, 64))
    chosen = task_of("max-of-k", net)
    seen: list[tuple[int, int]] = []
    one, two = decide(net, chosen), decide(net, chosen, jobs=2, progress=lambda *now: seen.append(now))
    assert len(seen) > 1 and seen[-1] == (64000, 64000)
    assert (one.right, one.wrong, one.margin, one.loss, one.stages) == (
        two.right,
        two.wrong,
        two.margin,
        two.loss,
        two.stages,
    )
    assert list(one.wrong_inputs()) == list(two.wrong_inputs())


def test_one_output_is_always_right():
    """With no other output there is no margin, and no loss."""
    m = Maker(3)
    net = network(m.embed(4, 3, 8), m.unembed(8, 1))
    found = decide(net, task_of("expression:0", net))
    assert (found.right, found.wrong, found.margin) == (64, 0, None)
    assert found.loss is not None and found.loss.lower <= 0 <= found.loss.upper < Fraction(1, 1 << 30)


def test_answers_out_of_range_are_named():
    """An answer that is no output is refused with the input that has it."""
    net = NETWORKS["relu"]
    with pytest.raises(AnswerOutOfRange, match=r"the right answer on \(0, 2, 3\) is 5, but"):
        decide(net, task_of("expression:t[1] + t[2]", net))


def test_too_many_inputs_are_refused():
    """An input set that no machine enumerates is refused with its size."""
    m = Maker(4)
    net = network(m.embed(64, 10, 4), m.unembed(4, 64))
    with pytest.raises(TooManyInputs, match="1152921504606846976 inputs"):
        decide(net, task_of("max-of-k", net))


GROUPS = {
    "S5_MLP_seed1": ("SymmetricGroup5", 14400, 14400, "1.968044e-05"),
    "S5_MLP_hidden_dim_32_seed6": ("SymmetricGroup5", 14283, 14400, "2.361702e-02"),
    "S5_MLP_hidden_dim_112_seed2": ("SymmetricGroup5", 12321, 14400, "5.908240e-01"),
    "A5_MLP_seed2": ("AlternatingGroup5", 3600, 3600, "3.006006e-06"),
}


@pytest.mark.parametrize("name", GROUPS)
def test_published_group_networks(name):
    """The exact counts and losses of trained networks, with wrong inputs and without, are the published ones."""
    group, right, inputs, loss = GROUPS[name]
    net = recognise(load(shared(f"groups/{name}.npz")))
    found = decide(net, task_of(f"group:{shared(f'groups/table_{group}.npz')}", net))
    assert (found.right, found.wrong, found.undecided) == (right, inputs - right, 0)
    assert sum(1 for _ in found.wrong_inputs()) == inputs - right
    assert found.loss is not None
    assert found.loss.lower < Fraction(loss) + Fraction(loss) / 10**6
    assert found.loss.upper > Fraction(loss) - Fraction(loss) / 10**6
    assert found.loss.upper - found.loss.lower < found.loss.lower / 1000


def test_published_group_transformer(tmp_path):
    """Four heads and an MLP of 512: all right, and the loss to three digits."""
    net = real_network(tmp_path, GROUP_TRANSFORMER, "groups/S5_T_seed1.npz")
    found = decide(net, task_of(f"group:{shared('groups/table_SymmetricGroup5.npz')}", net))
    assert (found.right, found.wrong, found.undecided) == (14400, 0, 0)
    assert found.loss is not None
    assert found.loss.lower < Fraction("1.258366e-07") < found.loss.upper
    assert found.loss.upper - found.loss.lower < found.loss.lower / 1000


def test_a_killed_process_is_one_sentence(monkeypatch):
    """A worker that the machine kills ends the run with a sentence, not with a traceback of the pool's."""
    m = Maker(6)
    net = network(m.embed(40, 3, 8), m.unembed(8, 64))

    def broken(*given: object) -> None:
        raise BrokenProcessPool

    monkeypatch.setattr(processes.ProcessPoolExecutor, "submit", broken)
    with pytest.raises(WorkerDied, match="one of 2 processes was killed"):
        decide(net, task_of("max-of-k", net), jobs=2)


def test_many_outputs_have_counts_and_no_loss():
    """More outputs than the sums of exponentials have room for: everything but the loss is there."""
    m = Maker(2)
    net = network(m.embed(3, 1, 2), m.unembed(2, 4097))
    found = decide(net, task_of("expression:t[0]", net))
    assert found.right + found.wrong + found.undecided == 3 and found.loss is None
