"""Which format a file is in, which configuration counts, and what is no weights file at all."""

from __future__ import annotations

import json
import pickle
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from mechproof.engine.files import FileEmpty, FileMissing, FileTooLarge, NotAFile
from mechproof.models.weights import WeightsError, load
from mechproof.models.weights.checkpoint import MAX_FILE
from mechproof.models.weights.errors import BadJson, PickleRefused, UnknownFormat

DATA = Path(__file__).parents[2] / "data"
# The witnesses of audits are not networks.
WEIGHTS = sorted(file for file in DATA.glob("*/*.npz") if file.parent.name != "crown_witnesses")


@pytest.fixture
def network(tmp_path):
    path = tmp_path / "net.safetensors"
    safetensors.numpy.save_file({"W_E": np.ones((2, 1), dtype=np.float32)}, path)
    return path


@pytest.mark.parametrize("name", ["net", "net.npz", "net.pt", "net.pkl", "net.txt"])
def test_content_decides(network, name):
    """A file is read as what it is, whatever it is called."""
    renamed = network.rename(network.with_name(name))
    assert load(renamed) == load(str(renamed))
    assert load(renamed).source == name


@pytest.mark.parametrize(
    ("name", "content", "error", "word"),
    [
        ("net.pkl", pickle.dumps({"W_E": [1.0]}), PickleRefused, "pickle"),
        ("net.safetensors", pickle.dumps({"W_E": [1.0]}, protocol=2), PickleRefused, "pickle"),
        ("net.pkl", b"(dp0\n.", PickleRefused, "pickle"),
        ("net.pt", b"(dp0\n.", UnknownFormat, "torch.save"),
        ("net.npz", b"not a zip", UnknownFormat, "an npz file"),
        ("net.safetensors", b"not a header", UnknownFormat, "a safetensors file"),
        ("net.bin", b"\x00", UnknownFormat, "00"),
        ("net.json", b'{"W_E": [[1.0]]}', UnknownFormat, "safetensors, npz or torch"),
        ("net.npy", b"\x93NUMPY\x01\x00", UnknownFormat, "93 4e"),
    ],
)
def test_what_is_no_weights_file(tmp_path, name, content, error, word):
    """The sentence says which format was expected and how the file begins."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(error) as caught:
        load(path)
    assert str(caught.value).startswith(f"{name}: expected ")
    assert word in str(caught.value)


def test_paths_that_hold_no_file(tmp_path):
    """Missing files, folders, empty and oversized files each have their error."""
    with pytest.raises(FileMissing):
        load(tmp_path / "missing.npz")
    with pytest.raises(NotAFile):
        load(tmp_path)
    (tmp_path / "empty.npz").touch()
    with pytest.raises(FileEmpty):
        load(tmp_path / "empty.npz")
    with open(tmp_path / "large.npz", "wb") as stream:
        stream.truncate(MAX_FILE + 1)
    with pytest.raises(FileTooLarge):
        load(tmp_path / "large.npz")


def test_configuration_on_request_only(network):
    """A configuration beside the weights does not slip into a statement unasked."""
    beside = network.with_name("net.cfg.json")
    beside.write_text(json.dumps({"n_layers": 1, "attn_scale": 0.1}))
    assert load(network).config is None
    assert load(network, config=beside).config == {"n_layers": 1, "attn_scale": Fraction(0.1)}


def test_real_configuration():
    """A configuration as TransformerLens writes it is read, fractional numbers as exact float64 values."""
    folder = DATA / "induction_gbmi"
    config = load(folder / "l_2_2_model.npz", config=folder / "l_2_2_model.cfg.json").config
    assert config is not None
    assert (config["n_layers"], config["attn_scale"], config["normalization_type"]) == (2, 8, None)
    assert config["initializer_range"] == Fraction(0.1) != Fraction(1, 10)
    assert not any(isinstance(value, float) for value in config.values())


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"n_layers": 1, "n_layers": 2}', "n_layers"),
        ('{"a": {"b": 1, "b": 1}}', "twice"),
        ('{"attn_scale": NaN}', "NaN"),
        ('{"attn_scale": -Infinity}', "Infinity"),
        ('{"attn_scale": 1e999}', "1e999"),
        ("[1]", "a list"),
        ("1", "a single value"),
        ("{", "JSONDecodeError"),
        ("[" * 100_000, "nesting"),
        ('{"seed": ' + "9" * 5000 + "}", "ValueError"),
    ],
)
def test_configurations_that_are_refused(network, text, word):
    """Configurations that readers could disagree on are refused in one sentence naming the file."""
    path = network.with_name("net.cfg.json")
    path.write_text(text)
    with pytest.raises(BadJson) as caught:
        load(network, config=path)
    assert str(caught.value).startswith("net.cfg.json: ")
    assert word in str(caught.value)
    assert str(caught.value).isprintable()


def test_missing_configuration(network):
    """A configuration that was asked for and is not there is an error, not silence."""
    with pytest.raises(FileMissing):
        load(network, config=network.with_name("missing.json"))


@pytest.mark.parametrize("file", WEIGHTS, ids=lambda file: file.stem)
def test_published_weights(file):
    """Every number of the published networks is read exactly."""
    with np.load(file, allow_pickle=False) as arrays:
        tensors = load(file).tensors
        assert set(tensors) == set(arrays.files)
        for name, tensor in tensors.items():
            expected = [Fraction(float(number)) for number in arrays[name].ravel()]
            assert [n * Fraction(2) ** tensor.exponent for n in tensor.numerators] == expected
            assert tensor.shape == arrays[name].shape


def test_errors_have_one_base(tmp_path):
    """A caller can catch everything that is wrong with a weights file at once."""
    (tmp_path / "x.npz").write_bytes(b"garbage")
    with pytest.raises(WeightsError):
        load(tmp_path / "x.npz")
