"""Making the zoo again: files, manifest, and what becomes of proved accuracies."""

import hashlib
import json

import pytest

from mechproof.models.training import Recipe
from mechproof.models.zoo.build import build

pytest.importorskip("torch")

TINY = Recipe(n_ctx=2, d_vocab=4, d_model=4, steps=3, batch=8)
OTHER = Recipe(n_ctx=3, d_vocab=4, d_model=4, steps=3, batch=8)


def test_build_writes_every_network_and_a_manifest_that_matches(tmp_path):
    """Protects the regeneration: hashes in the manifest are of the files just written."""
    manifest = build(tmp_path, (TINY, OTHER), samples=100)
    assert json.loads((tmp_path / "manifest.json").read_text()) == manifest
    assert list(manifest) == [TINY.name, OTHER.name]
    for entry in manifest.values():
        assert hashlib.sha256((tmp_path / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
        assert entry["estimated_accuracy"]["samples"] == 100
        assert entry["exact_accuracy"] is None


def test_a_proved_accuracy_survives_only_with_the_same_bytes(tmp_path):
    """Protects theorems: what was proved of one file must not be printed next to another."""
    manifest = build(tmp_path, (TINY, OTHER), samples=10)
    proved = {"right": 7, "inputs": 16}
    manifest[TINY.name]["exact_accuracy"] = proved
    manifest[OTHER.name] |= {"exact_accuracy": {"right": 1, "inputs": 64}, "sha256": "0" * 64}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    again = build(tmp_path, (TINY, OTHER), samples=10)
    assert again[TINY.name]["exact_accuracy"] == proved
    assert again[OTHER.name]["exact_accuracy"] is None
