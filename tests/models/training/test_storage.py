"""Files: what other tools read there, equal bytes for equal networks, all or nothing."""

import json
import os

import pytest
from safetensors import safe_open

from mechproof.engine.files import CannotWrite
from mechproof.models.training import Recipe, initial_state, load, save, train
from mechproof.models.training.network import shapes

torch = pytest.importorskip("torch")

TINY = Recipe(n_ctx=3, d_vocab=4, d_model=6, d_head=2, seed=3, steps=4, batch=8)


def test_file_reads_back_with_names_shapes_values_and_recipe(tmp_path):
    """Protects the format: plain safetensors, TransformerLens names, recipe and step as metadata."""
    path = tmp_path / "net.safetensors"
    state = train(TINY, checkpoints=(2,))[2]
    save(state, path, TINY, step=2)
    with safe_open(path, "numpy") as file:
        assert {name: file.get_tensor(name).shape for name in file.keys()} == shapes(TINY)  # noqa: SIM118
        assert all((file.get_tensor(name) == state[name].numpy()).all() for name in state)
        assert json.loads(file.metadata()["mechproof.recipe"]) == {**TINY.as_json(), "taken_at_step": 2}
    again = load(path)
    assert all(torch.equal(again[name], state[name]) for name in state)


def test_equal_networks_give_equal_bytes(tmp_path):
    """Protects hashes of files: no clock, no order of hashing, no path may enter."""
    for name in ("a", "b"):
        save(initial_state(TINY), tmp_path / name, TINY)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    """Protects an existing network from being half overwritten, and the folder from litter."""
    path = tmp_path / "net.safetensors"
    path.write_bytes(b"old")

    def fail(source, target):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(CannotWrite, match="no space left"):
        save(initial_state(TINY), path, TINY)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"old"
