"""Networks and tasks that have no form in which two tokens meet: each is told its reason."""

from __future__ import annotations

from typing import Any

import layered_network as reference
import pytest

from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.networks.network_file import read_description
from mechproof.engine.checker.networks.task import read_task
from mechproof.engine.checker.quotient.form import OtherForm, form_of

DRAW = reference.Draw(1)
RELU = DRAW.mlp(4, 5, "relu", skip="none")
CASES: dict[str, tuple[list[dict[str, Any]], str, str]] = {
    "three tokens": ([{"kind": "sum"}, RELU], 'positions = 3\nanswer = "t[0]"', "two tokens that vary freely"),
    "two layers": ([{"kind": "sum"}, RELU, RELU], 'positions = 2\nanswer = "t[0]"', "not linear but for one layer"),
    "another function": (
        [{"kind": "sum"}, DRAW.mlp(4, 5, "square", skip="none")],
        'positions = 2\nanswer = "t[0]"',
        "its hidden layer is not a ReLU",
    ),
    "an answer that is no output": (
        [{"kind": "sum"}, RELU],
        'positions = 2\nanswer = "t[0] + t[1]"',
        "a right answer is no output",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_has_no_form_says_why(name: str, tmp_path: Any) -> None:
    """Tokens, layers, functions and answers."""
    middle, task, reason = CASES[name]
    path = reference.write(reference.stack(DRAW, *middle), tmp_path)
    (tmp_path / "task.toml").write_text(task + "\n")
    network, made = read_task(str(tmp_path / "task.toml"), read_description(str(path), None))
    with pytest.raises(OtherForm, match=reason):
        form_of(network, made, Budget(10**9))
