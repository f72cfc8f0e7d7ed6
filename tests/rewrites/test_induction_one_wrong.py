"""Networks that one bias puts on either side of a single input's margin: prover, checker and enumeration see it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import induction_networks as small
import mpmath
import numpy as np
import pytest
from shares import shared_out

from mechproof.engine.checker import check
from mechproof.rewrites.proof import prove

NUDGE = 2.0**-40


def with_biases(made: small.second.Layers, biases: np.ndarray) -> small.second.Layers:
    """The same network with one more coordinate, which is 1 at every position and which only the unembedding reads."""
    found = []
    for layer in made:
        grown: dict[str, Any] = dict(layer)
        for name, table in layer.items():
            if not isinstance(table, np.ndarray):
                continue
            wide = [(0, 0)] * table.ndim
            wide[0 if name == "W_U" else -1 if name in ("E", "P", "W_O") else -2] = (0, 1)
            grown[name] = np.pad(table.astype(np.float64), wide)
        found.append(grown)
    found[0]["E"][:, -1] = 1
    found[-1]["W_U"][-1] = biases
    return found


def without_attention(made: small.second.Layers) -> None:
    """Scores of 0 everywhere, a first layer that writes nothing, few bits: all numbers are exact."""
    for layer in made:
        for name, table in layer.items():
            if isinstance(table, np.ndarray):
                layer[name] = np.round(table * 16) / 16
    for layer in made[1:3]:
        layer["W_Q"] = np.zeros_like(layer["W_Q"])
    made[1]["W_O"] = np.zeros_like(made[1]["W_O"])


def first_to_fall(made: small.second.Layers, inputs: list[small.Tokens]) -> tuple[int, float]:
    """An output, and the shift of its logit at which it reaches the right one of exactly one input that was right."""
    with mpmath.workdps(50):
        found = []
        for t in inputs:
            logits, right = small.second.logits(made, t)[-1], t[t.index(t[-1]) + 1]
            ahead = [logits[right] - logit for logit in logits]
            others = [b for b in range(len(logits)) if b != right]
            if all(ahead[b] > 0 for b in others):
                found += [(ahead[b], b) for b in others]
        (least, output), *more = sorted(found)
        assert all(margin - least > 4 * NUDGE for margin, b in more if b == output), "another input is as close"
        return output, float(least)


def verdicts(made: small.second.Layers, folder: Path, task: str) -> set[tuple[int, int]]:
    """The bounds of the count by induction, by enumeration, and what the checker says of both."""
    statement, found = small.statement(made, folder, task), set()
    for strategy in ("induction", "enumerate"):
        proof: Any = prove(statement, "net", strategy)
        certificate = folder / f"{strategy}.json"
        certificate.write_text(json.dumps(json.loads(proof.certificate), separators=(",", ":")) + "\n")
        checked = check(certificate, folder / "net.toml", task)
        assert checked.status == "VERIFIED", checked.line
        found |= {(proof.theorem.low, proof.theorem.high), (checked.right_low, checked.right_high)}
    return found


# seed, tokens, positions, task, sharpness; with a sharpness of None all numbers are exact
CASES: list[tuple[int, int, int, str, float | None]] = [
    (5, 2, 3, "induction", 8.0),
    (7, 2, 4, "induction-once", 8.0),
    (1, 3, 3, "induction", 6.0),
    (4, 4, 4, "induction", 8.0),
    (5, 3, 4, "induction-once", 6.0),
    (1, 2, 4, "induction-once", None),
    (3, 3, 4, "induction-once", None),
]


@pytest.mark.parametrize("case", shared_out(CASES, kept=[CASES[0], CASES[1], CASES[5]]), ids=str)
def test_one_input_more_or_less(case, tmp_path):
    """2^-40 below an input's margin it is right, 2^-40 above it is wrong, and so it is at a tie: nothing else moves."""
    seed, tokens, positions, task, sharp = case
    made = small.layers(seed, tokens, positions, sharp=sharp or 0.0)
    if sharp is None:
        without_attention(made)
    inputs = small.inputs("repeated" if task == "induction" else "once", tokens, positions)
    output, shift = first_to_fall(made, inputs)
    right = sum(margin > 0 for margin in small.margins(made, inputs).values())
    assert right == len(inputs) or tokens > 2 or sharp is None, "one is to be the only wrong one"
    for number, (by, lost) in enumerate(((-NUDGE, 0), (NUDGE, 1), *([(0.0, 1)] if sharp is None else []))):
        biases = np.zeros(tokens)
        biases[output] = shift + by
        nudged = with_biases(made, biases)
        margins = small.margins(nudged, inputs)
        assert min(map(abs, margins.values())) <= 2 * abs(by)
        count = sum(margin > 0 for margin in margins.values())
        gained = sum(margins[t] > 0 for t in inputs if t[t.index(t[-1]) + 1] == output)
        before = sum(margin > 0 for t, margin in small.margins(made, inputs).items() if t[t.index(t[-1]) + 1] == output)
        assert count == right - lost + gained - before
        folder = tmp_path / str(number)
        folder.mkdir()
        assert verdicts(nudged, folder, task) == {(count, count)}


def test_lengths_without_inputs_are_refused(tmp_path):
    """Two positions hold no answer behind an earlier token, two tokens no five different ones: one sentence."""
    for tokens, positions, task in ((2, 2, "induction"), (2, 3, "induction-once"), (2, 5, "induction")):
        with pytest.raises(Exception) as raised:
            small.statement(small.layers(1, tokens, positions, sharp=6.0), tmp_path, task)
        assert getattr(raised.value, "sentence", None), raised.value
