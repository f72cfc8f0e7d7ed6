"""The transcript of an induction head: its paths, what settled the inputs, and nothing about enumeration."""

from __future__ import annotations

import induction_networks as small

from mechproof.rewrites.induction_section import PATHS
from mechproof.rewrites.proof import prove


def test_paths_and_counts_are_written(tmp_path):
    """Every path has its row; counts by tests and one by one add up to all inputs."""
    statement = small.statement(small.layers(1, 4, 4, sharp=6.0), tmp_path, "induction")
    document = prove(statement, "net", "induction").transcript()
    text = document._repr_markdown_()
    assert all(name in text for name, *_ in PATHS)
    assert "are settled by a single test" in text and "every input is evaluated" not in text
