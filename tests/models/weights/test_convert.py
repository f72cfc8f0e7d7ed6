"""Conversion keeps names, dtypes and bits, and is canonical."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from mechproof.engine.files import CannotWrite
from mechproof.models.weights import WeightsError, load
from mechproof.models.weights.convert import convert
from mechproof.models.weights.errors import NotFinite

DATA = Path(__file__).parents[2] / "data"
# The witnesses of audits are not networks.
WEIGHTS = sorted(file for file in DATA.glob("*/*.npz") if file.parent.name != "crown_witnesses")


@pytest.mark.parametrize("file", WEIGHTS, ids=lambda file: file.stem)
def test_published_weights_survive(tmp_path, file):
    """The safetensors library reads back the arrays that numpy reads from the original, bit by bit."""
    convert(file, tmp_path / "net.safetensors")
    converted = safetensors.numpy.load_file(tmp_path / "net.safetensors")
    with np.load(file) as original:
        assert set(converted) == set(original.files)
        for name, array in converted.items():
            assert array.dtype == original[name].dtype
            assert array.tobytes() == original[name].tobytes()
    assert load(tmp_path / "net.safetensors").tensors == load(file).tensors


def test_bits_are_kept(tmp_path):
    """-0 and subnormal numbers keep their bits, dtypes keep their width, and each tensor is aligned."""
    arrays = {
        "a": np.array([-0.0, 5e-8], dtype=np.float16),
        "b": np.array([-0.0, 1e-45], dtype=">f4"),
        "c": np.array(5e-324),
        "d": np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
    }
    np.savez(tmp_path / "net.npz", **arrays)
    convert(tmp_path / "net.npz", tmp_path / "net.safetensors")
    converted = safetensors.numpy.load_file(tmp_path / "net.safetensors")
    for name, array in arrays.items():
        assert converted[name].dtype == array.dtype.newbyteorder("<")
        assert converted[name].tobytes() == array.astype(array.dtype.newbyteorder("<")).tobytes()
    content = (tmp_path / "net.safetensors").read_bytes()
    assert struct.unpack("<Q", content[:8])[0] % 8 == 0


def test_bfloat16(tmp_path):
    """bfloat16 stays bfloat16."""
    torch = pytest.importorskip("torch")
    torch.save({"W_E": torch.tensor([1.5, -0.0], dtype=torch.bfloat16)}, tmp_path / "net.pt")
    convert(tmp_path / "net.pt", tmp_path / "net.safetensors")
    ((name, entry),) = safetensors.deserialize((tmp_path / "net.safetensors").read_bytes())
    assert (name, entry["dtype"], entry["shape"]) == ("W_E", "BF16", [2])
    assert entry["data"] == b"\xc0\x3f\x00\x80"


def test_equal_tensors_give_equal_bytes(tmp_path):
    """The order and the format in which tensors were stored leave no trace, and converting again changes nothing."""
    a, b = np.ones((2, 2), dtype=np.float32), np.zeros(3)
    np.savez(tmp_path / "1.npz", a=a, b=b)
    np.savez_compressed(tmp_path / "2.npz", b=b, a=a)
    safetensors.numpy.save_file({"b": b, "a": a}, tmp_path / "3", metadata={"by": "hand"})
    for source, destination in [("1.npz", "x"), ("2.npz", "y"), ("3", "z"), ("x", "x again")]:
        convert(tmp_path / source, tmp_path / destination)
    contents = {(tmp_path / name).read_bytes() for name in ["x", "y", "z", "x again"]}
    assert len(contents) == 1


def test_masks_are_left_out(tmp_path):
    """What is no weight is not carried over."""
    arrays = {"W_E": np.ones(1), "blocks.0.attn.mask": np.ones(1, dtype=bool)}
    np.savez(tmp_path / "net.npz", **arrays)
    convert(tmp_path / "net.npz", tmp_path / "net.safetensors")
    assert list(safetensors.numpy.load_file(tmp_path / "net.safetensors")) == ["W_E"]


def test_unreadable_sources_write_nothing(tmp_path):
    """What cannot be read exactly is not converted, and an older destination stays."""
    np.savez(tmp_path / "net.npz", W_E=np.array([np.nan]))
    (tmp_path / "out").write_bytes(b"old")
    with pytest.raises(NotFinite):
        convert(tmp_path / "net.npz", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["net.npz", "out"]


def test_names_that_safetensors_reserves(tmp_path):
    """A tensor that the format cannot hold under its name is refused before anything is written."""
    np.savez(tmp_path / "net.npz", __metadata__=np.ones(1))
    with pytest.raises(WeightsError):
        convert(tmp_path / "net.npz", tmp_path / "out")
    assert os.listdir(tmp_path) == ["net.npz"]


def test_unwritable_destination(tmp_path):
    """A destination in no folder is a named error."""
    np.savez(tmp_path / "net.npz", W_E=np.ones(1))
    with pytest.raises(CannotWrite):
        convert(tmp_path / "net.npz", tmp_path / "no" / "out")
