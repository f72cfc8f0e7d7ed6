"""``mechproof strategies``, and the README's names: what is offered works."""

from __future__ import annotations

import json
import re
from pathlib import Path

from typer.testing import CliRunner

from mechproof.__main__ import app
from mechproof.rewrites.strategies import all_names, general_names, names, networks, strategy
from mechproof.rewrites.strategies.splits import attention, direct, tokens

EVERY = (*general_names(), *all_names())
README = Path(__file__).parents[2] / "README.md"


def printed(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["strategies", *arguments])
    assert done.exit_code == 0
    return done.stdout


def test_every_name_is_listed_and_works():
    """--all and --json have all names, each with what it gives, and each is taken by --strategy."""
    lines = printed("--all").splitlines()
    assert [line.split()[0] for line in lines] == list(EVERY)
    assert all(len(line.split(maxsplit=1)[1]) > 20 for line in lines)
    for name in all_names():
        strategy(name)
    for name in general_names():
        networks.strategy(name)
    told = json.loads(printed("--json"))["strategies"]
    assert [entry["name"] for entry in told] == list(EVERY)
    assert {entry["name"] for entry in told if entry["float_runs"]} == {"branch_and_bound", "brute_force", "separable"}


def test_the_short_list_has_every_word():
    """Strategies, configurations' parts and tightenings, with an example of each family that can be copied."""
    text = printed()
    for name in names():
        assert re.search(rf"^{name}\b", text, re.MULTILINE)
    for name in re.findall(r"\(= (.*?)\)", text):
        strategy(name)
    assert "branch_and_bound (default)\n" in text
    for word in ("chord", "mmrec", "r16", "ellipsoid", "T8", "joint"):
        assert re.search(rf"^ +{word} ", text, re.MULTILINE)


def test_every_option_of_a_split_is_told():
    """A new option has words, or the list would fail on it."""
    assert set(direct.TOLD) == set(direct.OPTIONS)
    assert set(attention.TOLD) == set(attention.OPTIONS | attention.OTHERS)
    assert set(tokens.TOLD) == set(tokens.OPTIONS)


def test_the_readme_offers_names_that_work():
    """What stands in the two tables of strategies can be typed."""
    tables = README.read_text("utf-8").partition("\n## Strategies\n")[2].partition("\n## ")[0]
    offered = [name for name in re.findall(r"^\| `([^`]*)`", tables, re.MULTILINE) if name != "--strategy"]
    assert {name.split("/")[0] for name in offered} == {*names(), *general_names()}
    assert set(offered) <= set(EVERY)
