"""The checker's count of any network: compared with mpmath's for every kind of layer; claims that are off by one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import layered_network as reference
import numpy as np
import pytest
from shares import shared_out

from mechproof.engine import checker
from mechproof.engine.checker import Verdict, check
from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.errors import Failure
from mechproof.engine.checker.networks import evaluator, folding, tables
from mechproof.engine.checker.networks.network_file import read_description
from mechproof.engine.checker.networks.statement import statement_hash
from mechproof.engine.checker.networks.task import read_task

Draw, every_kind, stack = reference.Draw, reference.every_kind, reference.stack


def judge(path: Path, task: str, low: int, high: int | None = None, **options: Any) -> Verdict:
    """The verdict on a certificate that states these bounds."""
    network, made = read_task(task, read_description(str(path), None))
    text = reference.certificate(statement_hash(network, made), low, low if high is None else high, made.size)
    certificate = path.with_suffix(".json")
    certificate.write_bytes(text)
    return check(certificate, path, task, **options)


def assert_counts(layers: reference.Layers, folder: Path, task: str, found: int) -> None:
    """The true count is verified, and neither one more nor one less."""
    path = reference.write(layers, folder)
    verdict = judge(path, task, found)
    assert verdict.status == "VERIFIED", verdict.line
    assert judge(path, task, found + 1, found + 2).code in ("E216", "E203")
    if found:
        assert judge(path, task, 0, found - 1).code == "E216"


KINDS = list(every_kind(Draw(0)))


@pytest.mark.parametrize("name", shared_out(KINDS, kept=KINDS[::2]))
def test_counts_of_every_kind_of_layer(name, tmp_path):
    """Exactly as many inputs are right as with mpmath, whose forward pass shares no code with the checker's."""
    layers = every_kind(Draw(KINDS.index(name)))[name]
    found = reference.count(layers, reference.every(5, 5, 5), lambda t: sum(t) % 5)
    assert 0 < found < 125
    positions = 'positions = 3\nanswer = "sum(t) % 5"\n'
    (tmp_path / "task.toml").write_text(positions)
    assert_counts(layers, tmp_path, str(tmp_path / "task.toml"), found)


@pytest.mark.parametrize("name", KINDS)
def test_every_pass_is_within_its_radius(name, tmp_path):
    """The radii hold: what tables and words of 64, 256 and 1024 bits say of a logit is within them of mpmath's."""
    layers = every_kind(Draw(7))[name]
    path = reference.write(layers, tmp_path)
    (tmp_path / "task.toml").write_text('positions = 3\nanswer = "t[0]"\n')
    network, task = read_task(str(tmp_path / "task.toml"), read_description(str(path), None))
    budget = Budget(10**9)
    plan = folding.fold(network, task.read, budget)
    reach = evaluator.Reach(plan, evaluator.crude(plan, task.tokens, budget), 1, budget)
    by_tables = tables.Tables(plan, task.tokens, budget)
    passes = [(0, by_tables.logits, by_tables.coarse)]
    wider = [evaluator.Evaluator(plan, reach, words, budget) for words in (1, 4, 16)]
    passes += [(made.words, made.logits, made) for made in wider]
    for t in [(0, 0, 0), (4, 1, 3), (1, 4, 0)]:
        with reference.mpmath.workdps(400):
            true = reference.logits(layers, t)[-1]
            for words, evaluate, made in passes:
                ((found, radius),) = evaluate(t)
                unit = reference.mpmath.mpf(2) ** -made.read_grid[plan.last]
                off = max(abs(f * unit - x) for f, x in zip(found, true, strict=True))
                assert off <= radius * unit, (words, off, radius * unit)
                assert words < 4 or radius * unit < 2.0**-90, words


def test_a_planted_wrong_input_is_found(tmp_path):
    """A network that is right everywhere but on one input, by its own table, is wrong exactly there."""
    draw = Draw(3)
    layers = stack(draw, draw.attention(4, 2), draw.mlp(4, 6, "gelu"), tokens=4)
    answers = np.zeros((4, 4, 4), dtype=np.int32)
    with reference.mpmath.workdps(40):
        for t in reference.every(4, 4, 4):
            (found,) = reference.logits(layers, t)[-1:]
            answers[t] = found.index(max(found))
    np.savez(tmp_path / "answers.npz", answers=answers)
    assert_counts(layers, tmp_path, f"table:{tmp_path}/answers.npz", 64)
    answers[2, 3, 1] = (answers[2, 3, 1] + 1) % 4
    np.savez(tmp_path / "answers.npz", answers=answers)
    assert_counts(layers, tmp_path, f"table:{tmp_path}/answers.npz", 63)


def test_processes_share_the_inputs(tmp_path):
    """Two processes count what one counts."""
    draw = Draw(5)
    layers = stack(draw, draw.attention(4, 2))
    found = reference.count(layers, reference.every(5, 5, 5), max)
    path = reference.write(layers, tmp_path)
    assert judge(path, "max-of-k", found, jobs=2).line == judge(path, "max-of-k", found).line
    assert judge(path, "max-of-k", found + 1, jobs=2).code == "E216"


def test_the_folder_runs_by_itself(tmp_path):
    """Copied elsewhere, without the rest and without site-packages, the checker counts the same."""
    draw = Draw(5)
    layers = stack(draw, draw.attention(4, 2), draw.mlp(4, 5, "gelu"))
    found = reference.count(layers, reference.every(5, 5, 5), max)
    path = reference.write(layers, tmp_path)
    assert judge(path, "max-of-k", found).status == "VERIFIED"
    copied = tmp_path / "elsewhere"
    shutil.copytree(Path(checker.__file__).parent, copied, ignore=shutil.ignore_patterns("__pycache__"))
    line = [sys.executable, "-I", "-S", str(copied), str(path.with_suffix(".json")), "--weights", str(path)]
    ran = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith(f"s VERIFIED accuracy = {found}/125 sha256:")
    ran = subprocess.run([*line, "--task", "kth-max:2"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (1, "") and ran.stdout.startswith("s REFUSED E201")


def test_budget_ends_the_count(tmp_path):
    """More work than the budget allows is refused before it is done."""
    draw = Draw(5)
    path = reference.write(stack(draw, draw.attention(4, 2)), tmp_path)
    assert judge(path, "max-of-k", 0, 125, budget=300).code == "E242"


def test_weaker_bounds_are_implied(tmp_path):
    """A certificate may say less than the count."""
    draw = Draw(5)
    layers = stack(draw, draw.attention(4, 1))
    found = reference.count(layers, reference.every(5, 5, 5), max)
    path = reference.write(layers, tmp_path)
    verdict = judge(path, "max-of-k", found - 1, 125)
    assert verdict.line.startswith(f"s VERIFIED accuracy >= {found - 1}/125 sha256:")
    assert "Network: 3 positions, 5 outputs" in verdict.text
    assert "attention: heads 1, scale 1/sqrt(3), mask causal" in verdict.text


def test_other_weights_are_another_statement(tmp_path):
    """A certificate about one network says nothing about another: one weight, one bit."""
    draw = Draw(5)
    layers = stack(draw, draw.attention(4, 1))
    path = reference.write(layers, tmp_path)
    assert judge(path, "max-of-k", 0, 125).status == "VERIFIED"
    layers[0]["E"][2, 2] = np.nextafter(layers[0]["E"][2, 2], np.float32(9))
    reference.write(layers, tmp_path)
    assert check(path.with_suffix(".json"), path, "max-of-k").code == "E201"
    assert check(path.with_suffix(".json"), path, "kth-max:2").code == "E201"


def test_huge_and_tiny_weights_are_decided(tmp_path):
    """Grids follow the sizes of the weights; scores that differ by thousands leave one position."""
    for factor in (2.0**-60, 2.0**60):
        draw = Draw(11)
        layers = stack(draw, draw.attention(4, 2), draw.mlp(4, 5, "relu"))
        layers[0]["E"] *= np.float32(factor)
        found = reference.count(layers, reference.every(5, 5, 5), max)
        assert_counts(layers, tmp_path, "max-of-k", found)


def test_a_tiny_number_among_others_costs_no_precision(tmp_path):
    """Entries of the embedding that lie 2^140 apart: all inputs are decided by the first pass (norms have no other)."""
    draw = Draw(11)
    layers = stack(draw, draw.attention(4, 1, norm=draw.norm(4)), norm=draw.norm(4))
    layers[0]["E"][0, 0] = 2.0**-149
    network, task = read_task("max-of-k", read_description(str(reference.write(layers, tmp_path)), None))
    budget = Budget(10**9)
    made = tables.Tables(folding.fold(network, task.read, budget), task.tokens, budget)
    for t in ((0, 0, 0), (0, 3, 4)):
        ((_, radius),) = made.logits(t)
        assert radius < 1 << made.coarse.read_grid[made.plan.last] - 10


def flat(tokens: int, positions: int, d: int, outputs: int, *middle: dict[str, Any]) -> reference.Layers:
    """A network of these sizes whose weights are all 1/2."""
    tables = {"E": np.full((tokens, d), 0.5), "P": np.full((positions, d), 0.5)}
    return [{"kind": "embed", **tables}, *middle, {"kind": "unembed", "W_U": np.full((d, outputs), 0.5)}]


EIGHT = np.full((8, 8), 0.5)
SQUARE = {"kind": "mlp", "function": "square", "W_in": EIGHT, "W_out": EIGHT}
TOO_MUCH = {
    "a wide norm": (flat(2, 1, 5000, 1, {"kind": "norm", "function": "rmsnorm", "epsilon": "1"}), "max-of-k", "E243"),
    "long tables": (flat(4200, 1, 1, 4200), "max-of-k", "E243"),
    "many tokens": (flat(9000, 128, 1, 2), "max-of-k", "E243"),
    "many tokens that differ": (flat(300, 12, 1, 2), "induction", "E242"),
    "numbers that double their length": (flat(8, 2, 8, 8, {"kind": "sum"}, *[SQUARE] * 60), "max-of-k", "E243"),
    "a long expression": (flat(8, 2, 8, 8), f"expression: {'1+' * 400}1", "E151"),
    "8^200 inputs": (flat(8, 200, 8, 8), "max-of-k", "E242"),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_networks_that_would_eat_the_machine(name, tmp_path):
    """They end soon, with a code."""
    layers, task, code = TOO_MUCH[name]
    path = reference.write(layers, tmp_path)
    certificate = tmp_path / "certificate.json"
    try:
        network, made = read_task(task, read_description(str(path), None))
        certificate.write_bytes(reference.certificate(statement_hash(network, made), 0, made.size, made.size))
    except Failure:
        certificate.write_bytes(reference.certificate("0" * 64, 0, 1, 1))
    assert check(certificate, path, task).code == code
