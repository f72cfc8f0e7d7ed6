"""torch files: state dicts read exactly through torch's safe loader, everything else refused by name."""

from __future__ import annotations

import argparse
import builtins
import io
import os
import sys
import zipfile
from collections import OrderedDict
from fractions import Fraction

import pytest

from mechproof.models.weights import WeightsError, load
from mechproof.models.weights.errors import (
    BrokenFile,
    NotAStateDict,
    NotFinite,
    PickledObject,
    PickleRefused,
    TooManyNumbers,
    TorchMissing,
    TorchTooOld,
    UnsupportedDtype,
)

torch = pytest.importorskip("torch")


def saved(content: object, **options) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, **options)
    return stream.getvalue()


def refused(tmp_path, content: bytes, error: type[WeightsError], *words: str, name: str = "net.pt") -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(error) as caught:
        load(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{name}: ")
    assert sentence.isprintable()
    for word in words:
        assert word in sentence


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_values(tmp_path, dtype):
    """Each dtype comes out as the numbers torch holds, also from views that are not contiguous."""
    tensor = torch.tensor([[0.1, -2.5, 3.0], [1e-7, -0.0, 1.0]], dtype=getattr(torch, dtype)).T
    path = tmp_path / "net.pth"
    path.write_bytes(saved({"W_E": tensor}))
    stored = load(path).tensors["W_E"]
    assert [n * Fraction(2) ** stored.exponent for n in stored.numerators] == [
        Fraction(number) for row in tensor.tolist() for number in row
    ]
    assert (stored.shape, stored.dtype) == ((3, 2), dtype)


def test_negative_views(tmp_path):
    """A tensor that torch stores as the negation of another, lazily, is read as what it is."""
    tensor = torch.tensor([1 + 2j]).conj().imag
    assert tensor.is_neg()
    path = tmp_path / "net.pt"
    path.write_bytes(saved({"W_E": tensor}))
    assert load(path).tensors["W_E"].numerators == (-1,)
    assert load(path).tensors["W_E"].exponent == 1


def test_parameters_and_ordered_dicts(tmp_path):
    """What a module's state_dict() and a dict of parameters hold is the same."""
    path = tmp_path / "net.pt"
    path.write_bytes(saved(OrderedDict(W_E=torch.nn.Parameter(torch.ones(2)))))
    assert load(path).tensors["W_E"].numerators == (1, 1)


@pytest.mark.parametrize("key", ["model", "state_dict", "model_state_dict"])
def test_wrapped_state_dicts(tmp_path, key):
    """The usual wrappers are looked into, whatever else lies beside the state dict."""
    path = tmp_path / "net.pt"
    path.write_bytes(saved({key: {"W_E": torch.ones(1)}, "epoch": 3, "optimizer": {"lr": 0.1}}))
    assert list(load(path).tensors) == ["W_E"]


def test_two_wrapped_state_dicts(tmp_path):
    """Which of two networks is meant is not guessed."""
    content = {"model": {"W_E": torch.ones(1)}, "state_dict": {"W_E": torch.zeros(1)}}
    refused(tmp_path, saved(content), NotAStateDict, "one state dict", "model", "state_dict")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ([1, 2], "list"),
        (torch.ones(2), "Tensor"),
        ({"W_E": torch.ones(1), "epoch": 3}, "epoch"),
        ({"W_E": torch.ones(1), "model": {"W_E": torch.ones(1)}}, "model"),
        ({0: torch.ones(1)}, "int"),
        ({"W_E": "text"}, "W_E"),
        ({"W_E": torch.ones(2, 2).to_sparse()}, "W_E"),
        ({"W_E": torch.ones(2, device="meta")}, "W_E"),
    ],
    ids=["list", "tensor", "other value", "mixed", "integer key", "text", "sparse", "without values"],
)
def test_what_is_no_state_dict(tmp_path, content, word):
    """Anything but a dict from names to dense tensors is refused, naming the entry."""
    refused(tmp_path, saved(content), NotAStateDict, word)


@pytest.mark.parametrize("dtype", ["int64", "bool", "complex64", "float8_e5m2"])
def test_dtypes_that_are_not_read(tmp_path, dtype):
    """Other dtypes are named with their tensor."""
    tensor = torch.zeros(2, dtype=getattr(torch, dtype))
    refused(tmp_path, saved({"W_E": tensor}), UnsupportedDtype, "tensor W_E", dtype)


def test_masks_are_left_out(tmp_path):
    """The buffers of a saved HookedTransformer do not disturb."""
    content = {
        "W_E": torch.ones(1),
        "blocks.0.attn.mask": torch.ones(2, 2, dtype=torch.bool),
        "blocks.0.attn.IGNORE": torch.tensor(-torch.inf),
    }
    path = tmp_path / "net.pt"
    path.write_bytes(saved(content))
    assert list(load(path).tensors) == ["W_E"]


def test_not_finite(tmp_path):
    """NaN is named with tensor and index."""
    content = {"W_E": torch.tensor([[0.0, torch.nan]])}
    refused(tmp_path, saved(content), NotFinite, "tensor W_E", "NaN", "(0, 1)")


def test_every_flipped_byte_of_a_number_is_refused(tmp_path):
    """The archive's checksums are compared, as for npz: torch itself reads a damaged file as another network."""
    whole = saved({"W_E": torch.tensor([1.0, 2.0, 3.0])})
    start = whole.index(torch.tensor([1.0, 2.0, 3.0]).numpy().tobytes())
    for place in range(start, start + 12):
        damaged = bytearray(whole)
        damaged[place] ^= 0x10
        torch.load(io.BytesIO(damaged), weights_only=True)
        refused(tmp_path, bytes(damaged), BrokenFile, "CRC")


def test_a_whole_module(tmp_path):
    """What people save by mistake is told apart from a broken file, and what to do is said."""
    refused(tmp_path, saved(torch.nn.Linear(2, 2)), PickledObject, "torch.nn.modules.linear.Linear", "state_dict()")
    more = {"model": torch.nn.Linear(2, 2).state_dict(), "settings": argparse.Namespace(lr=1)}
    refused(tmp_path, saved(more), PickledObject, "argparse.Namespace", "state_dict()")


def test_code_is_not_run(tmp_path):
    """A pickle inside a torch archive that calls a function is refused without calling it."""

    class Payload:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "ran"),))

    refused(tmp_path, saved({"W_E": torch.ones(1), "x": Payload()}), PickledObject, "mkdir")
    assert not (tmp_path / "ran").exists()


def test_code_in_a_bare_pickle_is_not_run(tmp_path):
    """The older torch format is a bare pickle, which is refused unread whatever the file is called."""

    class Payload:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "ran"),))

    content = saved(Payload(), _use_new_zipfile_serialization=False)
    refused(tmp_path, content, PickleRefused)
    refused(tmp_path, content, PickleRefused, name="net.safetensors")
    assert not (tmp_path / "ran").exists()


def test_expanded_tensor(tmp_path):
    """A terabyte that is stored as one repeated number is refused by its shape."""
    refused(tmp_path, saved({"W_E": torch.ones(1).expand(2**38)}), TooManyNumbers)


def test_storage_of_another_size(tmp_path):
    """A pickle that claims more numbers than are stored does not read beyond them."""
    whole = zipfile.ZipFile(io.BytesIO(saved({"W_E": torch.ones(4)})))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as crafted:
        for name in whole.namelist():
            content = whole.read(name)
            if name.endswith("data.pkl"):
                assert content.count(b"K\x04") == 2
                content = content.replace(b"K\x04", b"K\xff")
            crafted.writestr(name, content)
    refused(tmp_path, stream.getvalue(), BrokenFile)


def test_zip_bomb(tmp_path):
    """Sizes are looked at before torch is."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("net/data.pkl", b"\x80\x02}.")
        bomb.writestr("net/data/0", bytes(2**27))
    refused(tmp_path, stream.getvalue(), BrokenFile, "unpacked bytes")


def test_every_eighth_truncation_is_refused(tmp_path):
    """A file cut anywhere is never read as a smaller network."""
    whole = saved({"W_E": torch.ones(4)})
    path = tmp_path / "net.pt"
    for length in range(1, len(whole), 8):
        path.write_bytes(whole[:length])
        with pytest.raises(WeightsError):
            load(path)


def test_torch_that_is_not_installed(tmp_path, monkeypatch):
    """Without torch the sentence says what to install."""
    content = saved({"W_E": torch.ones(1)})
    monkeypatch.setitem(sys.modules, "torch", None)
    refused(tmp_path, content, TorchMissing, "pip install mechproof[torch]")


def test_torch_that_is_too_old(tmp_path, monkeypatch):
    """Before 2.6 torch's safe loader could run code, so it is not used."""
    content = saved({"W_E": torch.ones(1)})
    monkeypatch.setattr(torch, "__version__", "2.5.1+cpu")
    refused(tmp_path, content, TorchTooOld, "2.6", "2.5.1")


def test_only_torch_files_import_torch(tmp_path, monkeypatch):
    """Other formats are read where torch is missing."""
    safetensors_numpy = pytest.importorskip("safetensors.numpy")
    import numpy as np

    path = tmp_path / "net.safetensors"
    safetensors_numpy.save_file({"W_E": np.ones(1, dtype=np.float32)}, path)
    original = builtins.__import__

    def guarded(name, *rest, **options):
        assert name != "torch"
        return original(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", guarded)
    assert list(load(path).tensors) == ["W_E"]
