"""Actual torch runs against the theorem about all of them: no contradiction, and errors within the bound."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from mechproof.engine.arithmetic.float_format import FORMATS  # noqa: E402
from mechproof.models.float_statement import FloatStatement  # noqa: E402
from mechproof.models.one_layer import one_layer_of  # noqa: E402
from mechproof.models.problem import statement_of  # noqa: E402
from mechproof.rewrites import float_comparison  # noqa: E402
from mechproof.rewrites.advice import float_programs, float_runs  # noqa: E402
from mechproof.rewrites.advice.allowance import Allowance  # noqa: E402
from mechproof.rewrites.advice.float_programs import programs  # noqa: E402
from mechproof.rewrites.advice.float_runs import Contradiction, exact_differences, observe  # noqa: E402
from mechproof.rewrites.float_comparison import Comparison  # noqa: E402
from mechproof.rewrites.float_proof import prove_float  # noqa: E402
from mechproof.rewrites.proof import prove  # noqa: E402
from mechproof.rewrites.rules.float_margin import FloatMargin  # noqa: E402
from mechproof.rewrites.undecided_inputs import float_margin, undecided_inputs  # noqa: E402


def proved(statement, name) -> tuple[FloatMargin, list[tuple[int, ...]]]:
    graph, _ = prove_float(statement, name)
    margin = float_margin(graph)
    assert margin is not None
    return margin, undecided_inputs(graph) or []


@pytest.mark.parametrize("name", FORMATS)
def test_no_run_contradicts_the_theorem_on_small_networks(oracle, name):
    """Every input of random networks with biases, in several programs, thread counts and batch orders."""
    for seed in range(3):
        margin, open_inputs = proved(oracle.random_net(seed, "float16", 4, 3).statement, name)
        seen = observe(margin, open_inputs)
        if not seen.programs:
            pytest.skip(f"this machine does not run {name}: {seen.skipped}")
        assert seen.broken == []
        assert 0 < seen.largest <= margin.error.logit_difference


@pytest.mark.ci
def test_a_compiled_run_does_not_contradict_the_theorem(oracle):
    """What torch.compile makes of the forward pass, where there is a compiler."""
    net = oracle.random_net(1, "float16", 4, 3)
    margin, open_inputs = proved(net.statement, "float32")
    seen = observe(margin, open_inputs, compiled=True)
    if "torch.compile" in seen.skipped:
        pytest.skip(f"torch.compile does not work here: {seen.skipped['torch.compile']}")
    assert "torch.compile" in seen.programs
    assert seen.broken == []


def test_a_false_theorem_is_contradicted(oracle, monkeypatch):
    """A run with logits turned round contradicts the theorem, and an error that large is seen."""
    margin, open_inputs = proved(oracle.random_net(3, "float16", 4, 3).statement, "float32")
    right = float_programs._last
    monkeypatch.setattr(float_programs, "_last", lambda w, tokens: -right(w, tokens))
    seen = observe(margin, open_inputs)
    assert {one.program for one in seen.broken} == {"last position only, bias fused"}
    assert {one.right for one in seen.broken} == {False, True}
    assert seen.largest > margin.error.logit_difference


def test_a_theorem_that_all_are_wrong_is_contradicted_by_one_that_is_right(oracle, monkeypatch):
    """Also where no program is wrong."""
    margin, _ = proved(oracle.random_net(3, "float16", 4, 3).statement, "float32")
    wrong = next(
        row for row in itertools.product(range(4), repeat=3)
        if any(margin.sign(row[-1], max(row), x, row) == 1 for x in range(4) if x != max(row))
    )  # fmt: skip
    ideal = torch.nn.functional.one_hot(torch.tensor([max(wrong)]), 4).float()
    monkeypatch.setattr(float_runs, "programs", lambda statement, compiled: [("ideal", lambda _: ideal)])
    monkeypatch.setattr(float_runs, "_sample", lambda margin, count: [wrong])
    (found,) = observe(margin, []).broken
    assert (found.tokens, found.right) == (wrong, True)
    assert str(found).startswith("the program 'ideal' is right on ")


ATTACKS = {"bf16_exponentials_stored": (71, 81), "bf16_double_rounding": (2, 4)}


@pytest.mark.parametrize("name", ATTACKS)
def test_programs_do_what_once_contradicted_a_theorem(name, data):
    """Some program gets as few inputs right as torch did then, and it contradicts nothing now."""
    margin, open_inputs = proved(statement_of(data / "attacks" / f"{name}.npz"), "bfloat16")
    least, inputs = ATTACKS[name]
    layer = one_layer_of(margin.statement)
    vocabulary, length = layer.d_vocab, layer.n_ctx
    tokens = torch.cartesian_prod(*[torch.arange(vocabulary)] * length)
    assert len(tokens) == inputs
    right = {}
    for program, run in programs(margin.statement):
        logits = run(tokens)
        best = logits.gather(1, tokens.max(1).values[:, None])
        right[program] = int(((logits >= best).sum(1) == 1).sum())
    assert min(right.values()) == least < max(right.values())
    assert observe(margin, open_inputs).broken == []


def test_programs_compute_the_network(oracle):
    """In float64 every program is within a hair of the exact logit differences, which are those of the oracle."""
    net = oracle.random_net(2, "float16", 4, 3)
    statement = FloatStatement(net.statement.network, net.statement.task, FORMATS["float64"])
    margin, _ = proved(net.statement, "float64")
    exact = exact_differences(margin, net.sequences)
    signs = [[0 if x == max(t) else net.truth.sign(t, x) for x in range(net.V)] for t in net.sequences]
    assert ((exact > 0).astype(int) - (exact < 0) == signs).all()
    largest = torch.tensor([max(tokens) for tokens in net.sequences])[:, None]
    for _, run in programs(statement):
        logits = run(torch.tensor(net.sequences))
        assert abs((logits - logits.gather(1, largest)).numpy() - exact).max() < 1e-9


def test_a_program_that_does_not_run_is_skipped_and_said_so(oracle, monkeypatch):
    """A machine without an operation loses that program only."""

    def missing(w, tokens):
        raise RuntimeError("not implemented for this type\nsecond line")

    margin, open_inputs = proved(oracle.random_net(3, "float16", 4, 3).statement, "float32")
    monkeypatch.setattr(float_programs, "_einsum", missing)
    seen = observe(margin, open_inputs)
    assert list(seen.skipped.values()) == ["not implemented for this type"]
    assert len(seen.programs) == 7


def test_flips_are_counted(oracle):
    """An input in between counts as flipped when a run and the real function disagree."""
    margin, _ = proved(oracle.random_net(3, "float16", 4, 3).statement, "float32")
    seen = observe(margin, [])
    seen = replace(seen, open_wrong={(0, 0): 1, (1, 1): 0, (2, 2): len(seen.programs)}, real_wrong={(2, 2)})
    assert seen.flipped == 1
    assert [one["real_right"] for one in seen.as_json()["between"]] == [True, True, False]


def test_what_was_seen_before_the_budget_ended_counts(oracle, monkeypatch):
    """A contradiction stands though other programs did not run."""
    proof = prove(oracle.random_net(3, "float16", 3, 2).statement, "net", semantics="float32")

    def slow(margin, open_inputs, sample, *, compiled, seen):
        seen.programs.append("quick")
        seen.broken.append(Contradiction("quick", (0, 1), False))
        while True:
            pass

    monkeypatch.setattr(float_comparison, "observe", slow)
    with Allowance(1.0):
        compared = Comparison.of(proof, 10)
    assert compared.contradiction == Contradiction("quick", (0, 1), False)
    assert compared.verdict.startswith("s CONTRADICTED ")
    assert "programs not run: the budget ended before them" in compared.lines()
