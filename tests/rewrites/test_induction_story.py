"""What is told of an induction head: numbers that hold of every input, by an evaluation of its own; the command."""

from __future__ import annotations

import itertools
import json
import sys
from typing import Any

import induction_networks as small
import numpy as np
import pytest

from mechproof.__main__ import main
from mechproof.rewrites.induction_story import tell

CASES = [(1, 4, 4, "induction", 6.0), (3, 3, 5, "induction-once", 6.0), (5, 4, 4, "induction", 0.0)]


def numbers(case: tuple[Any, ...], folder: Any) -> tuple[dict[str, list[float]], Any, list[str]]:
    seed, tokens, positions, task, sharp = case
    made = small.layers(seed, tokens, positions, sharp=sharp)
    story = tell(small.statement(made, folder, task), "net")
    graph = story.proof.graph
    found = {graph.claim(c).kind: [float(x) for x in graph.claim(c).numbers] for c in story.claims}
    return found, made, story.lines()


@pytest.mark.parametrize("case", CASES)
def test_what_is_told_is_true_and_nearly_the_best(case, tmp_path):
    """Against attention of layer 1 on every sequence and products of the weights in float64."""
    _, V, n, _, _ = case
    found, made, lines = numbers(case, tmp_path)
    embed, one, two, unembed = (
        {k: np.asarray(v, dtype=float) for k, v in layer.items() if k[0] in "EPW"} for layer in made
    )
    x = embed["E"][None] + embed["P"][:, None]  # [m, t]
    o = x @ one["W_V"][0] @ one["W_O"][0]
    Q, K = x @ one["W_Q"][0], x @ one["W_K"][0]
    least = [1.0] * (n - 2)
    for t in itertools.product(range(V), repeat=n - 1):
        if case[3] == "induction" and len(set(t)) < n - 1:
            continue
        for k in range(1, n - 1):
            scores = np.array([Q[k, t[k]] @ K[m, t[m]] for m in range(k + 1)]) / 3**0.5
            share = np.exp(scores - scores.max())
            least[k - 1] = min(least[k - 1], (share / share.sum())[k - 1])
    assert all(0 <= told <= true + 1e-9 for told, true in zip(found["copies_previous"], least, strict=True))
    if case[3] != "induction":  # any tokens may stand together, up to the query's
        assert all(told > true - 0.2 for told, true in zip(found["copies_previous"], least, strict=True))
    B = two["W_Q"][0] @ two["W_K"][0].T / 3**0.5
    copied = np.einsum("qd,mtd->qmt", x[n - 1] @ B, o[: n - 2])
    pairs = [
        (copied[q, m, q] - copied[q, l, t], m == l)
        for q, m, l, t in itertools.product(range(V), range(n - 2), range(n - 2), range(V))
        if t != q
    ]
    anywhere, there = min(gap for gap, _ in pairs), min(gap for gap, same in pairs if same)
    assert np.abs(np.array(found["keys_match"]) - [anywhere, there]).max() < 1e-5
    assert all(told <= true for told, true in zip(found["keys_match"], (anywhere, there), strict=True))
    values = x[1 : n - 1] @ two["W_V"][0] @ two["W_O"][0] @ unembed["W_U"]
    copies = min(values[k, t, t] - values[k, t, b] for k in range(n - 2) for t in range(V) for b in range(V) if b != t)
    assert copies - 1e-5 < found["values_copy"][0] <= copies
    atoms = np.einsum("msd,ktd->mskt", o @ B, x)
    reach = (atoms.max(axis=(2, 3)) - atoms.min(axis=(2, 3))).max()
    assert reach <= found["path_strengths"][2] < reach + 1e-5
    assert len(lines) == 5 and all(line.startswith("PROVED") for line in lines[:-1])


def test_the_command_tells_it(tmp_path, capsys, monkeypatch):
    """As lines and as JSON."""
    small.statement(small.layers(1, 4, 4, sharp=6.0), tmp_path, "induction")
    for options in ([], ["--json"]):
        asked = ["story", str(tmp_path / "net.toml"), "--task", "induction", *options]
        monkeypatch.setattr(sys, "argv", ["mechproof", *asked])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        out = capsys.readouterr().out
        told = json.loads(out)["claims"] if options else out.splitlines()[:-1]
        assert len(told) == 4 and "copies the previous token" in told[0] and "K-composition" in told[1]
