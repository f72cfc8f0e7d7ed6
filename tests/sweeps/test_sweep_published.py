"""Published results as data: they are those of the weights at hand, and a lower row says why it is lower."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from importlib.resources import files

import pytest

from mechproof.sweeps import published
from mechproof.sweeps.curve import Curve
from mechproof.sweeps.running import statement_at
from mechproof.sweeps.selection import GROUPS, OURS
from mechproof.sweeps.storage import Row
from mechproof.sweeps.tables import beside_rows, spread_sheet, summary

FILES = files("mechproof.sweeps")


@pytest.fixture
def network(data):
    """The entry of the weights that the reference implementation was run on."""
    (entry,) = json.loads(FILES.joinpath("published.json").read_text("utf-8"))["networks"]
    assert entry["statement"] == statement_at(str(data / "max_of_4_seed123" / "weights.npz")).sha256
    return entry


def row(network, strategy, right, **more) -> Row:
    sizes = (64, 4, 32, 32, 64**4)
    return Row(network["statement"], strategy, (), "m.npz", *sizes, "1", right_low=right, right_high=64**4, **more)


def test_the_shipped_copy_is_the_published_file(network, data):
    """Byte for byte, and cubic and brute force are what its notes say."""
    folder = data / "max_of_4_seed123"
    claims = {claim["id"]: claim["published"] for claim in json.loads((folder / "claims.json").read_text())["claims"]}

    assert FILES.joinpath(network["file"]).read_bytes() == (folder / "published_code.csv").read_bytes()
    assert claims["cubic"].startswith(f"{network['others']['cubic']} of")
    assert claims["brute-force"].startswith(f"{network['others']['brute_force']} of")


def test_the_legend_of_k_4_has_every_published_group():
    """By K and V; other sizes have none."""
    legend = published.legend(4, 64)

    assert legend is not None and legend.networks == 151
    assert set(legend.groups) == set(GROUPS) - {OURS}
    assert published.legend(5, 64) is None


@pytest.mark.parametrize(
    ("strategy", "count", "more", "reason"),
    [
        ("subcubic/exact/mean/EQKE", 12114006, {"cells": 5000}, ""),
        ("subcubic/exact/mean/EQKE", 12114005, {"cells": 4700}, "averaging rule, which is not sound, certifies 53"),
        ("subcubic/exact/mean/EQKE", 12114005, {"cells": 4800, "off": ("T1",)}, "T1 off; 47 more cells here"),
        ("subcubic/exact/drop/EQKE", 1, {"cells": 3000}, "it certifies 23 cells more"),
        ("cubic", 0, {"reason": "too large"}, "too large"),
        ("subcubic/md/drop/EQKE", 0, {"cells": 0}, ""),
    ],
)
def test_a_lower_row_says_why(network, strategy, count, more, reason):
    """The reason is read from both rows; a row that is not lower, or has no reference, has none."""
    others = [row(network, "brute_force", 16772964), row(network, "separable", 1)]
    found = published.compare(Curve.of([*others, replace(row(network, strategy, count), **more)]))
    assert found is not None
    (line,) = (line for line in found.lines if line.row.strategy == strategy)

    assert line.lower == bool(reason)
    assert reason in line.reason
    assert {line.row.strategy for line in found.lines} == {"brute_force", strategy}
    assert beside_rows(found).row_count == 2


def test_other_weights_have_no_reference(network):
    """The comparison is by the statement's hash, not by a name."""
    assert published.compare(Curve.of([replace(row(network, "cubic", 1), statement="ab" * 32)])) is None


def test_the_front_is_what_no_proof_beats(network):
    """Fewer operations and a bound at least as large beat a proof; ties do not make the front longer."""
    points = [("a", 10, 5), ("b", 20, 5), ("c", 20, 9), ("d", 30, 8), ("e", 40, 12)]
    curve = Curve.of([row(network, name, right, add=operations) for name, operations, right in points])

    assert [one.strategy for one in curve.front] == ["a", "c", "e"]


def test_bounds_are_shares_of_the_least_upper_bound(network):
    """Without an exact count the share is of more than the accuracy, so it is not overstated."""
    rows = [replace(row(network, "a", 6), right_high=9), row(network, "b", 5)]
    curve = Curve.of(rows)

    assert not curve.exact
    assert curve.normalised(rows[1]) == Fraction(5, 9)
    assert Curve.of([replace(rows[0], right_low=9)]).exact
    assert Curve.of([replace(rows[0], right_low=0, right_high=0)]).normalised(rows[0]) == 1


def test_refused_rows_are_in_the_sheet_and_in_the_tables(network):
    """A strategy that cannot treat a network is not silently absent."""
    curve = Curve.of([row(network, "cubic", 1), row(network, "brute_force", 0, reason="too many sequences")])

    assert "too many sequences" in spread_sheet([curve])
    assert summary(curve, "m", everything=False)[-1].title == "refused"
