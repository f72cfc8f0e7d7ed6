"""From weights and a task's text to a statement, or a refusal that says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from mechproof.models.one_layer import one_layer_of
from mechproof.models.problem import ConfigOfANetworkFile, network_of, statement_of
from mechproof.models.tasks.errors import UnknownTask

DATA = Path(__file__).parents[1] / "data"


def test_sizes_come_from_the_weights():
    """K and V of the task are those of the network."""
    statement = statement_of(DATA / "unsound_averaging/total_v8_k4.npz")
    assert (one_layer_of(statement).n_ctx, one_layer_of(statement).d_vocab, statement.inputs) == (4, 8, 4096)
    assert statement.network.source == "total_v8_k4.npz"


@pytest.mark.parametrize("task", ["", "min-of-k", "max_of_k", "Max-of-k", "max-of-k "])
def test_other_tasks(task):
    """No other spelling is taken for the task; the sentence names those that there are."""
    with pytest.raises(UnknownTask, match="max-of-k"):
        statement_of(DATA / "unsound_averaging/cell_v3_k3.npz", task)


def test_a_network_file_says_everything_itself(tmp_path):
    """A configuration beside it would say it a second time."""
    with pytest.raises(ConfigOfANetworkFile, match=r"net\.toml: expected no configuration"):
        network_of(tmp_path / "net.toml", tmp_path / "cfg.json")
