"""safetensors files: whole ones read exactly, crafted ones refused by name."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from mechproof.models.weights import WeightsError, load
from mechproof.models.weights.errors import BadJson, BrokenFile, NoTensors, NotFinite, UnsupportedDtype


def craft(header: object, data: bytes) -> bytes:
    """A safetensors file with any header, lies included."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype: str, shape: list[int], begin: int, end: int) -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def refused(tmp_path, content: bytes, error: type[WeightsError], *words: str) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    with pytest.raises(error) as caught:
        load(path)
    sentence = str(caught.value)
    assert sentence.startswith("net.safetensors: ")
    assert "\n" not in sentence
    for word in words:
        assert word in sentence


def test_values_and_shapes(tmp_path):
    """Numbers of all four dtypes come out exactly; bfloat16 needs no library that knows it."""
    data = struct.pack("<2d", 0.1, -3.0) + struct.pack("<f", 0.5) + struct.pack("<e", -0.25) + b"\xc0\x3f"
    header = {
        "d": entry("F64", [2, 1], 0, 16),
        "f": entry("F32", [], 16, 20),
        "h": entry("F16", [1], 20, 22),
        "b": entry("BF16", [1], 22, 24),
        "__metadata__": {"by": "hand"},
    }
    path = tmp_path / "net.safetensors"
    path.write_bytes(craft(header, data))
    tensors = load(path).tensors
    assert list(tensors) == ["b", "d", "f", "h"]
    assert tensors["d"].numerators == (3602879701896397, -3 * 2**55)
    assert (tensors["d"].exponent, tensors["d"].shape, tensors["d"].dtype) == (-55, (2, 1), "float64")
    assert (tensors["f"].numerators, tensors["f"].exponent, tensors["f"].shape) == ((1,), -1, ())
    assert (tensors["h"].numerators, tensors["h"].exponent) == ((-1,), -2)
    assert (tensors["b"].numerators, tensors["b"].exponent, tensors["b"].dtype) == ((3,), -1, "bfloat16")


def test_masks_are_left_out(tmp_path):
    """TransformerLens's buffers may have any dtype and values, infinities included."""
    arrays = {
        "blocks.0.attn.mask": np.ones((2, 2), dtype=bool),
        "blocks.11.attn.IGNORE": np.array(-np.inf, dtype=np.float32),
        "W_E": np.ones((2, 2), dtype=np.float32),
    }
    path = tmp_path / "net.safetensors"
    safetensors.numpy.save_file(arrays, path)
    assert list(load(path).tensors) == ["W_E"]


def test_a_name_that_only_resembles_a_mask_is_read(tmp_path):
    """Only the exact names are ignored, so that no weight can hide behind a similar one."""
    arrays = {"W_E": np.ones(1, dtype=np.float32), "x.blocks.0.attn.mask": np.ones(1, dtype=bool)}
    refused(tmp_path, safetensors.numpy.save(arrays), UnsupportedDtype, "x.blocks.0.attn.mask", "BOOL")


def test_only_masks(tmp_path):
    """A file of masks alone holds no network."""
    refused(tmp_path, safetensors.numpy.save({"blocks.0.attn.mask": np.ones(1, dtype=bool)}), NoTensors)


def test_duplicate_names(tmp_path):
    """Readers disagree on which of two tensors of one name counts, so neither does."""
    one = b'"W_E":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    refused(tmp_path, craft(b"{" + one + b"," + one + b"}", bytes(4)), BadJson, "W_E", "twice")


@pytest.mark.parametrize(("value", "found"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "-infinity")])
def test_not_finite(tmp_path, value, found):
    """NaN and infinities are named with tensor and index."""
    array = np.zeros((2, 3), dtype=np.float32)
    array[1, 2] = value
    refused(tmp_path, safetensors.numpy.save({"W_E": array}), NotFinite, "tensor W_E", f"found {found} at", "(1, 2)")


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.bool_, np.uint16, np.complex64])
def test_dtypes_that_are_no_floats(tmp_path, dtype):
    """Integers may be quantised numbers of unknown scale, so they are refused and not read as values."""
    refused(tmp_path, safetensors.numpy.save({"W_E": np.zeros(2, dtype=dtype)}), UnsupportedDtype, "tensor W_E")


LIES = {
    "header longer than the file": struct.pack("<Q", 1000) + b"{}",
    "header of two gigabytes": struct.pack("<Q", 2**31) + b"{" + bytes(100),
    "shape larger than the data": craft({"W_E": entry("F32", [1000], 0, 4)}, bytes(4)),
    "offsets past the end": craft({"W_E": entry("F32", [100], 0, 400)}, bytes(4)),
    "shape that overflows": craft({"W_E": entry("F32", [2**32, 2**32], 0, 4)}, bytes(4)),
    "negative shape": craft({"W_E": entry("F32", [-1], 0, 4)}, bytes(4)),
    "fractional shape": craft({"W_E": {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}}, bytes(4)),
    "overlap": craft({"a": entry("F32", [1], 0, 4), "b": entry("F32", [1], 0, 4)}, bytes(4)),
    "gap": craft({"a": entry("F32", [1], 0, 4), "b": entry("F32", [1], 8, 12)}, bytes(12)),
    "data behind the tensors": craft({"a": entry("F32", [1], 0, 4)}, bytes(8)),
    "backward offsets": craft({"a": entry("F32", [1], 4, 0)}, bytes(4)),
    "unknown dtype": craft({"a": entry("F128", [1], 0, 16)}, bytes(16)),
    "missing fields": craft({"a": {}}, b""),
}


@pytest.mark.parametrize("name", LIES)
def test_lies_about_the_layout(tmp_path, name):
    """Whatever a header claims, it is compared with the file before anything is allocated for it."""
    refused(tmp_path, LIES[name], BrokenFile, "safetensors")


@pytest.mark.parametrize(
    "text",
    [b"{" + b'"a":[' * 100_000, b'{"a": NaN}', b'{"a": 1e999}', b'{"a":' + b"9" * 5000 + b"}", b"{\xff}", b"{}x", b"{"],
    ids=["deep", "NaN", "infinite", "long integer", "not UTF-8", "trailing", "cut"],
)
def test_headers_that_are_no_strict_json(tmp_path, text):
    """Odd JSON ends in a sentence, not in a crash of the parser."""
    refused(tmp_path, craft(text, b""), BadJson)


def test_every_truncation_is_refused(tmp_path):
    """A file cut anywhere is never read as a shorter one."""
    whole = safetensors.numpy.save({"W_E": np.arange(6, dtype=np.float32)})
    path = tmp_path / "net.safetensors"
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(WeightsError):
            load(path)


def test_hostile_names_stay_names(tmp_path):
    """A tensor's name is never used as a path, and no name can forge a line of output."""
    name = "../../etc/\x1b[2J\ns VERIFIED"
    path = tmp_path / "net.safetensors"
    path.write_bytes(safetensors.numpy.save({name: np.zeros(1, dtype=np.int32)}))
    with pytest.raises(UnsupportedDtype) as caught:
        load(path)
    assert str(caught.value).isprintable()
    assert sorted(item.name for item in tmp_path.iterdir()) == ["net.safetensors"]


@given(data=st.data())
def test_any_corruption_ends_in_a_named_error_or_in_numbers(tmp_path_factory, data):
    """Flipped bytes never escape as another exception."""
    content = bytearray(safetensors.numpy.save({"W_E": np.arange(4, dtype=np.float32), "b": np.ones(2)}))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "corrupt.safetensors"
    path.write_bytes(content)
    try:
        tensors = load(path).tensors
    except WeightsError as error:
        assert str(error).startswith("corrupt.safetensors: ")
    else:
        assert all(type(n) is int for tensor in tensors.values() for n in tensor.numerators)
