"""The published numbers of networks on groups, as the file in docs/examples/groups claims them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from shared_data import shared
from shares import shared_out

from mechproof.claims.files import read_toml
from mechproof.claims.run import run

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
QUICK = ("chughtai-s5-h32-6-loss", "chughtai-a5-2-accuracy", "modular-addition-embedding")
# One evaluation of every input each; the losses of the large ones take minutes.
ACCURACIES = ("chughtai-s5-1-accuracy", "chughtai-s5-h112-2-accuracy", "chughtai-d59-2-accuracy", "nanda-accuracy")


def beside_weights(folder: Path) -> Path:
    """The claims file, with the weights, tables and network files as its first line asks for."""
    for source in (*shared("groups").iterdir(), *shared("modular_addition").glob("*.npz")):
        (folder / source.name).symlink_to(source)
    networks = EXAMPLES / "networks"
    for name, weights in (
        ("group_transformer", ""),
        ("c113_transformer", "C113_T_seed1.npz"),
        ("modular_addition", ""),
    ):
        text = (networks / f"{name.replace('c113', 'group')}.toml").read_text("utf-8")
        text = text.replace("S5_T_seed1.npz", weights) if weights else text
        (folder / f"{name}.toml").write_text(text, "utf-8")
    path = folder / "published.toml"
    path.write_text((EXAMPLES / "groups" / "claims.toml").read_text("utf-8"), "utf-8")
    return path


def test_every_published_entry_is_there():
    """By its id, or as the beginning of one."""
    ids = [claim.id for claim in read_toml(EXAMPLES / "groups" / "claims.toml").claims]
    for folder in ("groups", "modular_addition"):
        for entry in json.loads(shared(f"{folder}/claims.json").read_text("utf-8"))["claims"]:
            assert any(name.startswith(entry["id"]) for name in ids), entry["id"]


@pytest.mark.parametrize("chosen", shared_out([QUICK, ACCURACIES], kept=[QUICK]), ids=["quick", "accuracies"])
def test_networks_get_their_verdicts(tmp_path, chosen):
    """Accuracies and losses to all digits published."""
    file = read_toml(beside_weights(tmp_path))
    report = run(type(file)(file.name, tuple(claim for claim in file.claims if claim.id in chosen)))
    assert [result.line for result in report.results if not result.as_expected] == []
    assert len(report.results) == len(chosen)
