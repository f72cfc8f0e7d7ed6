"""Networks built to make a proof lie: one wrong input among all, one exact tie, and ties everywhere."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import pytest

from mechproof.rewrites.strategies import Options, prove_accuracy

STRATEGIES = ["branch_and_bound", "brute_force", "separable"]


DEFAULTS = Options()


def counts(net: Any, name: str, options: Options = DEFAULTS) -> tuple[int, int]:
    graph, goal = prove_accuracy(net.statement, name, options)
    accuracy = graph.claim(goal)
    return accuracy.low, accuracy.high


def lead(net: Any, tokens: tuple[int, ...], x: int, bits: int) -> Fraction:
    """logit_x - logit_m on one sequence, to within 2^-bits."""
    q = tokens[-1]
    with mpmath.workdps(bits // 3 + 60):
        weights = [net.truth.weight(q, p, t, bits // 3 + 60) for p, t in enumerate(tokens)]
        value = net.truth.margin(tokens, x, bits // 3 + 60)[0] / mpmath.fsum(weights)
        return Fraction(int(mpmath.floor(mpmath.ldexp(value, bits - net.truth.places))), 2**bits)


def shifted(net: Any, x: int, by: Fraction) -> Any:
    """The network with logit x moved by a constant."""
    row = list(net.tensors["b_U"][0])
    row[x] += by
    return net.replaced(b_U=[row])


def copier(oracle: Any, V: int, K: int, positions: bool) -> Any:
    """A network that returns the maximum on every input: it looks at large tokens and copies what it sees."""
    one = [[Fraction(int(i == j)) for j in range(V)] for i in range(V)]
    attention = [[Fraction(3 * i if j == 0 else 0) for j in range(V)] for i in range(V)]
    return oracle.net(
        V, K, V, V,
        W_E=one, W_U=one, W_V=one, W_O=[[64 * v for v in row] for row in one],
        W_K=attention, b_Q=[[2 * V] + [0] * (V - 1)],
        W_pos=[[Fraction(p * (i + 1), 1024) if positions else 0 for i in range(V)] for p in range(K)],
    )  # fmt: skip


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("bits", [20, 60, 100, 200, 400])
def test_exactly_one_wrong_input(oracle, name, bits):
    """Lowering logit 0 until (0, …, 0) is wrong by less than 2^-bits costs one input; by 2^-bits less, none."""
    net = copier(oracle, 5, 3, positions=True)
    total = len(net.sequences)
    assert net.truth.right == total
    best = max(range(1, 5), key=lambda x: lead(net, (0, 0, 0), x, 40))
    gap = lead(net, (0, 0, 0), best, bits)
    wrong, right = shifted(net, 0, gap), shifted(net, 0, gap + Fraction(1, 2**bits))
    assert (wrong.truth.right, right.truth.right) == (total - 1, total)
    for changed, expected in ((wrong, total - 1), (right, total)):
        low, high = counts(changed, name)
        assert low <= expected <= high
        assert low == high or name == "separable"


@pytest.mark.parametrize("name", STRATEGIES)
def test_exactly_one_tied_input(oracle, name):
    """One sequence on which two logits are equal, though no weight is zero: it is wrong, and it alone."""
    net = copier(oracle, 5, 3, positions=False)
    gap = lead(net, (0, 0, 0), 1, 40)
    tied = shifted(net, 0, gap)
    assert tied.truth.sign((0, 0, 0), 1) == 0
    assert list(tied.truth.wrong) == [(0, 0, 0)]
    low, high = counts(tied, name)
    assert low <= len(net.sequences) - 1 <= high
    assert low == high or name == "separable"


@pytest.mark.parametrize("bits", [80, 250])
def test_one_more_wrong_input_of_a_random_network(oracle, bits):
    """Raising one logit until one more sequence is wrong by less than 2^-bits changes the exact count by one."""
    for seed in range(4):
        net = oracle.random_net(seed, "float16", 4, 3)
        x = seed % 4
        right = [tokens for tokens in net.sequences if tokens not in net.truth.wrong and max(tokens) != x]
        nearest = max(right, key=lambda tokens: lead(net, tokens, x, 60))
        changed = shifted(net, x, -lead(net, nearest, x, bits))
        gained = shifted(net, x, -lead(net, nearest, x, bits) - Fraction(1, 2**bits))
        assert nearest in changed.truth.wrong
        assert nearest not in gained.truth.wrong
        assert changed.truth.right == gained.truth.right - 1
        for name in ("branch_and_bound", "brute_force"):
            assert counts(changed, name) == (changed.truth.right,) * 2
            assert counts(gained, name) == (gained.truth.right,) * 2


@pytest.mark.parametrize("above", [False, True])
def test_one_wrong_input_of_the_published_network(oracle, data, above):
    """The published max-of-2 network, right on all 4096 inputs, made wrong on (0, 0) by less than 2^-100."""
    net = oracle.stored(data / "max_of_2_coq/simpler.npz", "L0_attn_")
    best = max(range(1, 64), key=lambda x: lead(net, (0, 0), x, 60))
    changed = shifted(net, 0, lead(net, (0, 0), best, 100) + Fraction(int(above), 2**100))
    assert changed.truth.sign((0, 0), best) == (-1 if above else 1)
    assert counts(changed, "branch_and_bound") == (4095 + above, 4095 + above)


def test_ties_everywhere_at_full_size(oracle):
    """V = 64, K = 4 with no unembedding: all 16777216 inputs are ties, and one symbol a cell says so."""
    zero = oracle.net(64, 4, 2, 2, W_E=[[t, -t] for t in range(64)], W_Q=[[1, 0], [0, 1]], W_K=[[1, 0], [0, 1]])
    graph, goal = prove_accuracy(zero.statement, "branch_and_bound")
    assert graph.claim(goal).relation() == "accuracy = 0/16777216"
    tree = next(d.advice for d in graph.derivations() if d.rule.name == "token_order_tree")
    assert len(tree.symbols) == 3 * 64 * 65 // 2


def test_equal_unembeddings_at_full_size(oracle):
    """V = 64, K = 3 with tokens 2n and 2n+1 unembedded alike: every input is a tie, decided a cell at a time."""
    net = oracle.net(
        64, 3, 2, 2,
        W_E=[[Fraction(t, 8), Fraction(t * t, 512)] for t in range(64)], W_Q=[[1, 0], [0, 1]], W_K=[[1, 1], [0, 1]],
        W_V=[[1, 0], [0, 1]], W_O=[[1, 0], [0, 1]],
        W_U=[[t // 2 for t in range(64)], [(t // 2) ** 2 for t in range(64)]],
    )  # fmt: skip
    assert counts(net, "branch_and_bound") == (0, 0)


def test_a_budget_ends_a_search_for_ties_that_no_box_shows(oracle):
    """Paths that cancel on every input must be decided input by input; when time is over the rest stays open."""
    net = oracle.random_net(0, "cancelling paths", 5, 4)
    low, high = counts(net, "branch_and_bound", Options(seconds=0))
    assert low <= net.truth.right < high
