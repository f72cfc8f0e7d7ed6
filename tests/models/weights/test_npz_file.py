"""npz files: whole ones read exactly, crafted ones refused by name, nothing unpickled."""

from __future__ import annotations

import io
import os
import struct
import warnings
import zipfile
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mechproof.models.weights import WeightsError, load
from mechproof.models.weights.errors import (
    BadShape,
    BrokenFile,
    DuplicateTensor,
    NotFinite,
    TooManyNumbers,
    UnsupportedDtype,
)


def npy(header: str, data: bytes, version: bytes = b"\x01\x00") -> bytes:
    """An npy array with any header, lies included."""
    text = header.encode() + b"\n"
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", len(text))
    return b"\x93NUMPY" + version + length + text + data


def described(descr: str, shape: str, order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


def archive(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", method) as written:
        warnings.simplefilter("ignore")  # a repeated name is what some tests want
        for name, content in members:
            written.writestr(name, content)
    return stream.getvalue()


def refused(tmp_path, content: bytes, error: type[WeightsError], *words: str) -> None:
    path = tmp_path / "net.npz"
    path.write_bytes(content)
    with pytest.raises(error) as caught:
        load(path)
    sentence = str(caught.value)
    assert sentence.startswith("net.npz: ")
    assert sentence.isprintable()
    for word in words:
        assert word in sentence


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f2", ">f4", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_values_in_row_major_order(tmp_path, save, dtype, order):
    """Byte order, memory order and compression do not change what the tensor is."""
    array = np.asarray([[1.5, -2.25, 0.1], [3.0, -0.0, 1e-7]], dtype=dtype, order=order)
    save(tmp_path / "net.npz", W_E=array)
    tensor = load(tmp_path / "net.npz").tensors["W_E"]
    assert [n * Fraction(2) ** tensor.exponent for n in tensor.numerators] == [
        Fraction(float(number)) for row in array for number in row
    ]
    assert (tensor.shape, tensor.dtype) == ((2, 3), f"float{8 * int(dtype[2])}")


def test_version_two_headers(tmp_path):
    """The longer header of version 2.0 is read as well."""
    path = tmp_path / "net.npz"
    path.write_bytes(archive(("W_E.npy", npy(described("'<f4'", "(1,)"), struct.pack("<f", 3.0), b"\x02\x00"))))
    assert load(path).tensors["W_E"].numerators == (3,)


def test_masks_are_left_out(tmp_path):
    """The booleans and infinities of TransformerLens's buffers do not disturb."""
    infinite = npy(described("'<f4'", "()"), struct.pack("<f", -np.inf))
    mask = npy(described("'|b1'", "(2, 2)"), b"\1\0\1\1")
    weight = npy(described("'<f4'", "(1,)"), struct.pack("<f", 1.0))
    members = [("blocks.0.attn.mask.npy", mask), ("blocks.0.attn.IGNORE.npy", infinite), ("W_E.npy", weight)]
    (tmp_path / "net.npz").write_bytes(archive(*members))
    assert list(load(tmp_path / "net.npz").tensors) == ["W_E"]


def test_object_arrays_are_not_unpickled(tmp_path):
    """An object array is a pickle in disguise: it is refused unread, so that its code does not run."""

    class Payload:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "ran"),))

    stream = io.BytesIO()
    np.savez(stream, W_E=np.array([Payload()], dtype=object))
    refused(tmp_path, stream.getvalue(), UnsupportedDtype, "tensor W_E", "|O")
    assert not (tmp_path / "ran").exists()


def test_zip_bomb(tmp_path):
    """A small archive that unpacks to a large one is refused by its directory, before unpacking."""
    content = archive(("W_E.npy", bytes(2**27)), method=zipfile.ZIP_DEFLATED)
    assert len(content) < 2**18
    refused(tmp_path, content, BrokenFile, "unpacked bytes")


def test_zip_bomb_in_parts(tmp_path):
    """The limit is on all members together."""
    parts = [(f"t{i}.npy", bytes(2**22)) for i in range(17)]
    refused(tmp_path, archive(*parts, method=zipfile.ZIP_DEFLATED), BrokenFile, "unpacked bytes")


def test_directory_that_understates_a_member(tmp_path):
    """A member that unpacks to more than the directory says is not read past that size, nor accepted."""
    good = npy(described("'<f4'", "(1000,)"), bytes(4000))
    content = bytearray(archive(("W_E.npy", good), method=zipfile.ZIP_DEFLATED))
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = struct.pack("<I", 100)
    refused(tmp_path, bytes(content), BrokenFile, "W_E.npy")


def test_directory_that_overstates_a_member(tmp_path):
    """A member shorter than the directory says is refused, not padded."""
    content = bytearray(archive(("W_E.npy", npy(described("'<f4'", "(1,)"), bytes(4)))))
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = struct.pack("<I", 10_000)
    refused(tmp_path, bytes(content), BrokenFile)


def test_flipped_data_fails_the_checksum(tmp_path):
    """The archive's checksum is compared."""
    content = archive(("W_E.npy", npy(described("'<f4'", "(1,)"), struct.pack("<f", 3.0))))
    at = content.index(struct.pack("<f", 3.0))
    refused(tmp_path, content[:at] + struct.pack("<f", 4.0) + content[at + 4 :], BrokenFile, "W_E.npy")


def test_duplicate_names(tmp_path):
    """Two members of one name are refused: readers disagree on which counts."""
    array = npy(described("'<f4'", "(1,)"), bytes(4))
    refused(tmp_path, archive(("W_E.npy", array), ("W_E.npy", array)), DuplicateTensor, "tensor W_E", "found two")


def test_encrypted_member(tmp_path):
    """An encrypted member ends in a sentence, not in a question for a password."""
    content = bytearray(archive(("W_E.npy", b"x")))
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    refused(tmp_path, bytes(content), BrokenFile, "encrypted", "W_E")


def test_exotic_compression(tmp_path):
    """Only the two methods that npz writers use are unpacked."""
    refused(tmp_path, archive(("W_E.npy", b"x" * 100), method=zipfile.ZIP_BZIP2), BrokenFile, "compression", "W_E")


def test_path_traversal_names(tmp_path):
    """A member's name is never used as a path."""
    folder = tmp_path / "inner"
    folder.mkdir()
    (folder / "net.npz").write_bytes(archive(("../evil.npy", npy(described("'<f4'", "(1,)"), bytes(4)))))
    assert list(load(folder / "net.npz").tensors) == ["../evil"]
    assert sorted(item.name for item in tmp_path.iterdir()) == ["inner"]


def test_member_that_is_no_array(tmp_path):
    """A stranger among the arrays is named."""
    refused(tmp_path, archive(("README.txt", b"hello")), BrokenFile, "README.txt")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (npy(described("'<f4'", "(1000000, 1000000)"), bytes(4)), TooManyNumbers),
        (npy(described("'<f4'", "(4611686018427387904, 4)"), bytes(4)), TooManyNumbers),
        (npy(described("'<f4'", "(10,)"), bytes(4)), BrokenFile),
        (npy(described("'<f4'", "(1,)"), bytes(5)), BrokenFile),
        (npy(described("'<f4'", "(-1,)"), bytes(4)), BadShape),
        (npy(described("'<f4'", "(0,)"), b""), BadShape),
        (npy(described("'<f4'", "(True,)"), bytes(4)), BrokenFile),
        (npy(described("'<f4'", "[1]"), bytes(4)), BrokenFile),
        (npy(described("'<f4'", "(1,)", order="1"), bytes(4)), BrokenFile),
        (npy(described("'<i8'", "(1,)"), bytes(8)), UnsupportedDtype),
        (npy(described("'|V2'", "(1,)"), bytes(2)), UnsupportedDtype),
        (npy(described("'<c8'", "(1,)"), bytes(8)), UnsupportedDtype),
        (npy(described("'<f16'", "(1,)"), bytes(16)), UnsupportedDtype),
        (npy(described("[('a', '<f4')]", "(1,)"), bytes(4)), UnsupportedDtype),
        (npy("{'descr': '<f4'}", bytes(4)), BrokenFile),
        (npy("[]", bytes(4)), BrokenFile),
        (npy("__import__('os').getcwd()", bytes(4)), BrokenFile),
        (npy("{[]: 1}", bytes(4)), BrokenFile),
        (npy("(" * 9000, bytes(4)), BrokenFile),
        (npy("-" * 9000 + "1", bytes(4)), BrokenFile),
        (npy(" " * 20_000, bytes(4)), BrokenFile),
        (npy(described("'<f4'", "(1,)"), bytes(4), b"\x03\x00"), BrokenFile),
        (b"\x93NUMPY\x01\x00\xff\xff{", BrokenFile),
        (b"\x93NUM", BrokenFile),
        (b"", BrokenFile),
        (b"\x80\x04N.", BrokenFile),
    ],
)
def test_crafted_arrays(tmp_path, content, error):
    """Each lie of an npy header has its named error, found before anything is allocated, naming the tensor."""
    words = () if error is TooManyNumbers else ("W_E",)
    refused(tmp_path, archive(("W_E.npy", content)), error, *words)


def test_not_finite(tmp_path):
    """A NaN is named with tensor and index, whatever the memory order."""
    array = np.zeros((2, 3), dtype=">f8", order="F")
    array[1, 2] = np.nan
    stream = io.BytesIO()
    np.savez(stream, W_Q=array)
    refused(tmp_path, stream.getvalue(), NotFinite, "tensor W_Q", "(1, 2)")


def test_every_truncation_is_refused(tmp_path):
    """A file cut anywhere is never read as a shorter one."""
    whole = archive(("W_E.npy", npy(described("'<f4'", "(1,)"), bytes(4))))
    path = tmp_path / "net.npz"
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(WeightsError):
            load(path)


@given(data=st.data())
def test_any_corruption_ends_in_a_named_error_or_in_numbers(tmp_path_factory, data):
    """Flipped bytes never escape as another exception."""
    stream = io.BytesIO()
    np.savez_compressed(stream, W_E=np.arange(4, dtype=np.float32), b=np.ones(2))
    content = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "corrupt.npz"
    path.write_bytes(content)
    try:
        tensors = load(path).tensors
    except WeightsError as error:
        assert str(error).startswith("corrupt.npz: ")
    else:
        assert all(type(n) is int for tensor in tensors.values() for n in tensor.numerators)
