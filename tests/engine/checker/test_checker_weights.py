"""The readers of weights: every way to store the same numbers, and no way to store anything else."""

from __future__ import annotations

import io
import itertools
import json
import random
import struct
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from auditors import auditor_of, view_of

from mechproof.engine.checker import check
from mechproof.engine.checker.budget import DEFAULT_STEPS
from mechproof.engine.checker.errors import Failure, describe
from mechproof.models.problem import statement_of

OUTER = {"W_E": "embed.W_E", "W_pos": "pos_embed.W_pos", "W_U": "unembed.W_U", "b_U": "unembed.b_U"}


@pytest.fixture(scope="module")
def good(emitter: Any, small: Any) -> bytes:
    """A true certificate of the small model."""
    return emitter.text(emitter.tree_certificate(small))


@pytest.fixture
def verdict(tmp_path: Path, good: bytes) -> Any:
    """verdict(bytes, ending): what the checker says of the certificate with these weights."""
    certificate = tmp_path / "certificate.json"
    certificate.write_bytes(good)

    def judge(data: bytes, ending: str = ".npz") -> Any:
        weights = tmp_path / f"weights{ending}"
        weights.write_bytes(data)
        return check(certificate, weights)

    return judge


def npz(arrays: dict[str, Any], compressed: bool = False) -> bytes:
    """What numpy writes."""
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **arrays)
    return stream.getvalue()


def zipped(members: dict[str, bytes], **options: Any) -> bytes:
    """A zip file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def npy(array: Any) -> bytes:
    """What numpy writes for one array."""
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def transformer_lens(model: Any) -> dict[str, np.ndarray]:
    """The tensors under their other names, with a head axis."""
    return {
        OUTER.get(name, f"blocks.0.attn.{name}"): a if name in OUTER or name == "b_O" else a[None]
        for name, a in model.tensors.items()
    }


def test_every_way_to_store_the_same_numbers(small: Any, verdict: Any) -> None:
    """Names, leading axes, memory order, compression, wider dtypes, doubled names and buffers do not matter."""
    plain = small.tensors
    lens = transformer_lens(small)
    buffers = {
        "blocks.0.attn.mask": np.tril(np.ones((3, 3), dtype=bool)),
        "blocks.0.attn.IGNORE": np.array(-np.inf, dtype=np.float32),
    }
    prefixed = {("" if n in OUTER else "L0_attn_") + n: a for n, a in plain.items()}
    stored = [
        npz(plain),
        npz(plain, compressed=True),
        npz({n: np.asfortranarray(a) for n, a in plain.items()}),
        npz({n: a.astype(np.float64) for n, a in plain.items()}),
        npz({n: a[None, None] for n, a in plain.items()}),
        npz({n: np.asfortranarray(a[None]) for n, a in plain.items()}),
        npz(lens | buffers),
        npz(prefixed),
        npz(plain | lens | prefixed),
        zipped({f"{n}.npy": npy(a) for n, a in plain.items()}),
    ]
    for data in stored:
        assert verdict(data).status == "VERIFIED", verdict(data).line
    for tensors in (plain, lens | buffers):
        assert verdict(safetensors.numpy.save(tensors, {"format": "pt"}), ".safetensors").status == "VERIFIED"


def test_newer_npy_headers(small: Any, verdict: Any) -> None:
    """Version 2 and 3 of the npy format differ in the width of a length only."""

    def newer(array: Any, version: tuple[int, int]) -> bytes:
        stream = io.BytesIO()
        np.lib.format.write_array(stream, array, version=version)
        return stream.getvalue()

    for version in ((2, 0), (3, 0)):
        members = {f"{n}.npy": newer(a, version) for n, a in small.tensors.items()}
        assert verdict(zipped(members)).status == "VERIFIED"


def test_half_precisions(emitter: Any, judge: Any, tmp_path: Path) -> None:
    """bfloat16 and float16 files of the same small numbers have the statement of the float32 file."""
    model = emitter.tied_model(3, 3, 2)
    certificate = tmp_path / "c.json"
    certificate.write_bytes(emitter.text(emitter.tree_certificate(model)))
    files = {
        "F16": lambda a: a.astype(np.float16).tobytes(),
        "BF16": lambda a: (np.ascontiguousarray(a, dtype=np.float32).view(np.uint32) >> 16).astype(np.uint16).tobytes(),
        "F32": lambda a: a.astype(np.float32).tobytes(),
        "F64": lambda a: np.where(a == 0, -0.0, a).tobytes(),
    }
    for dtype, encode in files.items():
        path = tmp_path / f"{dtype}.safetensors"
        path.write_bytes(emitter.safetensors({n: (dtype, a.shape, encode(a)) for n, a in model.tensors.items()}))
        assert check(certificate, path).status == "VERIFIED"


def test_wrong_tensors(small: Any, verdict: Any) -> None:
    """Unknown, missing, misshapen, contradictory, infinite tensors are named in the message."""
    plain = small.tensors

    def code(**changes: Any) -> str:
        return verdict(npz(plain | changes)).code

    assert code(extra=np.zeros(3)) == "E144"
    assert verdict(npz(plain | {"blocks.1.attn.W_Q": plain["W_Q"]})).code == "E141"
    assert verdict(npz({n: a for n, a in plain.items() if n != "W_K"})).code == "E141"
    assert verdict(npz({"b_O": plain["b_O"]})).code == "E131"
    assert code(W_U=plain["W_U"].T) == "E141"
    assert code(b_U=np.zeros(5, dtype=np.float32)) == "E141"
    assert code(W_Q=np.stack([plain["W_Q"]] * 2)) == "E141"
    assert code(W_Q=np.zeros((3, 0), dtype=np.float32)) == "E132"
    assert code(b_Q=np.float32(1)) == "E141"
    assert code(b_O=np.array([0, np.nan, 0], dtype=np.float32)) == "E133"
    assert code(b_O=np.array([0, 0, -np.inf], dtype=np.float64)) == "E133"
    assert code(L0_attn_W_Q=plain["W_Q"] * 2) == "E134"
    assert code(W_Q=plain["W_Q"].astype(np.int32)) == "E124"
    assert code(W_Q=plain["W_Q"].astype(">i4")) == "E124"
    assert code(W_Q=plain["W_Q"].astype(complex)) == "E124"
    assert code(W_Q=np.array([[None]], dtype=object)) in ("E123", "E124")
    assert code(W_Q=np.zeros(3, dtype=[("a", "<f4")])) == "E123"


@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
def test_both_byte_orders_of_an_npz(small: Any, tmp_path: Any, kind: str) -> None:
    """The same numbers in either byte order, and in Fortran order, are the same network, as for the prover."""
    hashes = set()
    for order, layout in itertools.product("<>", "CF"):
        path = tmp_path / f"{kind}.npz"
        lay = np.asfortranarray if layout == "F" else np.ascontiguousarray
        arrays = {name: lay(np.array(a).astype(order + kind)) for name, a in small.tensors.items()}
        np.savez(path, allow_pickle=False, **arrays)
        hashes |= {auditor_of(path, 10**9).statement, statement_of(path).sha256}
    assert len(hashes) == 1


def test_other_files(verdict: Any) -> None:
    """A pickle, or any other ending, is answered with the advice to convert."""
    for ending in (".pt", ".pth", ".bin", ".pkl", ""):
        answer = verdict(b"\x80\x02", ending)
        assert answer.code == "E120"
        assert "mechproof convert" in answer.line


def header(value: Any, tail: bytes = b"") -> bytes:
    """A safetensors file with this header."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return struct.pack("<Q", len(text)) + text + tail


def test_broken_safetensors(emitter: Any, small: Any, verdict: Any) -> None:
    """Lengths, nesting, duplicate keys, numbers, offsets: nothing loose is read."""

    def entry(dtype: Any = "F32", shape: Any = (1,), offsets: Any = (0, 4)) -> dict[str, Any]:
        return {"dtype": dtype, "shape": shape, "data_offsets": offsets}

    four = b"\0" * 4
    broken = [
        b"",
        b"\0" * 7,
        struct.pack("<Q", 1 << 62) + b"{}",
        struct.pack("<Q", 3) + b"{}",
        struct.pack("<Q", (1 << 20) + 1) + b" " * ((1 << 20) + 1),
        header(b""),
        header(b"[]"),
        header(b" {}"),
        header(b"{}x"),
        header(b"\xff{}"),
        header(b'{"a":' * 5000),
        header(b"[" * 1_000_000),
        header(b'{"a":1,"a":1}'),
        header(b'{"__metadata__":{"a":"1","a":"1"}}'),
        header(b'{"a":1.0}'),
        header(b'{"a":NaN}'),
        header(b'{"a":-1}'),
        header(b'{"a":' + b"9" * 100_000 + b"}"),
        header(b'{"' + b'\\"' * 500_000),
        header(b'{"a\\'),
        header({"W_E": 1}),
        header({"W_E": {"dtype": "F32", "shape": [1]}}),
        header({"W_E": entry() | {"more": 1}}, four),
        header({"W_E": entry(dtype=3)}, four),
        header({"W_E": entry(shape="1")}, four),
        header({"W_E": entry(shape=[True])}, four),
        header({"W_E": entry(shape=[1] * 9)}, four),
        header({"W_E": entry(shape=[1 << 41])}, four),
        header({"W_E": entry(shape=[1 << 40] * 8)}, four),
        header({"W_E": entry(offsets=[0])}, four),
        header({"W_E": entry(offsets=[4, 0])}, four),
        header({"W_E": entry(offsets=[0, 8])}, four * 2),
        header({"W_E": entry(offsets=[0, 4])}, four * 2),
        header({"W_E": entry(offsets=[0, 4])}),
        header({"W_E": entry(offsets=[4, 8])}, four * 2),
        header({"W_E": entry(), "W_U": entry()}, four),
        header({"W_E": entry(), "W_U": entry(offsets=[8, 12])}, four * 3),
        header({"W_E": entry("X", [1], [4, 0]), "W_U": entry("X", [1], [0, 0])}),
    ]
    started = time.process_time()
    for data in broken:
        assert verdict(data, ".safetensors").code == "E121", data[:60]
    assert time.process_time() - started < 5
    assert verdict(header({"W_E": entry("I32")}, four), ".safetensors").code == "E124"
    assert verdict(header({"\ud800\n": entry()}, four), ".safetensors").code == "E144"
    assert verdict(header({"\ud800\n": entry()}, four), ".safetensors").line.isascii()


def patched(data: bytes, at: int, new: bytes) -> bytes:
    """The data with some bytes replaced; negative places count from the end."""
    at %= len(data)
    return data[:at] + new + data[at + len(new) :]


def test_broken_zip_archives(small: Any, verdict: Any) -> None:
    """Directories, sizes, names, methods and checksums are checked; bombs are not inflated."""
    content = npy(small.tensors["W_E"])
    one = zipped({"W_E.npy": content}, compression=zipfile.ZIP_DEFLATED)
    entry = one.index(b"PK\1\2")
    end = one.index(b"PK\5\6")
    stored = zipped({"W_E.npy": content})
    with pytest.warns(UserWarning, match="Duplicate"):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("W_E.npy", content)
            archive.writestr("W_E.npy", content)
    huge = struct.pack("<L", 1 << 30)
    broken = {
        "empty": b"",
        "short": b"PK\5\6",
        "not a zip": b"x" * 100,
        "comment": patched(one, -2, b"\1\0") + b"c",
        "two disks": patched(one, end + 4, b"\1\0"),
        "counts differ": patched(one, end + 8, b"\2\0"),
        "too many": patched(patched(one, end + 8, b"\xff\xff"), end + 10, b"\xff\xff"),
        "directory elsewhere": patched(one, end + 16, b"\0\0\0\0"),
        "one more entry": patched(one, end + 8, b"\2\0\2\0"),
        "one entry less": patched(one, end + 8, b"\0\0\0\0"),
        "entry magic": patched(one, entry, b"PK\1\3"),
        "encrypted": patched(one, entry + 8, b"\1\0"),
        "lzma": patched(one, entry + 10, b"\x0e\0"),
        "zip64": patched(one, entry + 24, b"\xff" * 4),
        "bomb": patched(one, entry + 24, huge),
        "larger than said": patched(one, entry + 24, struct.pack("<L", 20)),
        "smaller than said": patched(one, entry + 24, struct.pack("<L", len(content) + 9)),
        "checksum": patched(one, entry + 16, b"abcd"),
        "outside": patched(one, entry + 42, struct.pack("<L", 1 << 20)),
        "local magic": patched(one, 0, b"PK\3\5"),
        "local name": patched(one, 30, b"X"),
        "local method": patched(one, 8, b"\0\0"),
        "not deflated": patched(one, 30 + 7, b"\xff" * 10),
        "cut": patched(stored, stored.index(b"PK\1\2") + 20, struct.pack("<L", 1 << 20)),
        "twice": stream.getvalue(),
        "other member": zipped({"data.pkl": b"\x80\x02"}),
    }
    for what, data in broken.items():
        assert verdict(data).code == "E122", what


def test_broken_npy_arrays(small: Any, verdict: Any) -> None:
    """Headers are matched, never evaluated; lengths must fit."""
    content = npy(small.tensors["W_E"])
    header_length = struct.unpack("<H", content[8:10])[0]
    text = content[10 : 10 + header_length]

    def with_header(new: bytes) -> bytes:
        return content[:8] + struct.pack("<H", len(new)) + new + content[10 + header_length :]

    good = {f"{n}.npy": npy(a) for n, a in small.tensors.items()}
    assert verdict(zipped(good | {"W_E.npy": with_header(text)})).status == "VERIFIED"
    broken = [
        b"",
        content[:7],
        b"\x93NUMPX" + content[6:],
        patched(content, 6, b"\4"),
        patched(content, 8, b"\xff\xff"),
        content[:-1],
        content + b"\0",
        with_header(b""),
        with_header(text.replace(b"(4, 3)", b"(4, 4)")),
        with_header(text.replace(b"(4, 3)", b"(4, -3)")),
        with_header(text.replace(b"(4, 3)", b"(4, 3L)")),
        with_header(text.replace(b"(4, 3)", b"(" + b"999999999999, " * 7 + b"9)")),
        with_header(text.replace(b"(4, 3)", b"(" + b"1, " * 20 + b"3)")),
        with_header(text.replace(b"False", b"__import__('os').abort()")),
        with_header(text.replace(b"'fortran_order'", b"'fortran_order': True, 'fortran_order'")),
        with_header(b"(" * 4000),
        with_header(b" " * 5000),
    ]
    for number, array in enumerate(broken):
        assert verdict(zipped(good | {"W_E.npy": array})).code == "E123", number


def test_mangled_weights(emitter: Any, small: Any, verdict: Any) -> None:
    """Random edits of a weights file never raise, and verify only while the numbers are the same."""
    rng = random.Random(0)
    for ending, data in ((".safetensors", safetensors.numpy.save(small.tensors)), (".npz", npz(small.tensors))):
        for _ in range(150):
            text = bytearray(data)
            for _ in range(rng.randrange(1, 3)):
                at = rng.randrange(len(text))
                if rng.random() < 0.7:
                    text[at] ^= 1 << rng.randrange(8)
                else:
                    del text[at : at + rng.randrange(1, 9)]
            answer = verdict(bytes(text), ending)
            assert answer.exit_code in (0, 1, 2)
            if answer.exit_code == 0:
                assert answer.sha256 == small.statement


def shaped(V: int, K: int, d: int, h: int, fill: float = 0.0) -> bytes:
    """An npz of a network of this size."""
    shapes = {"W_E": (V, d), "W_pos": (K, d), "W_Q": (d, h), "W_K": (d, h), "W_V": (d, h), "W_O": (h, d), "W_U": (d, V)}
    return npz({n: np.full(s, fill) for n, s in shapes.items()}, compressed=True)


def test_hostile_sizes(tmp_path: Path) -> None:
    """Networks that no certificate could be checked for are refused at once, with the limit that they exceed."""
    started, path = time.process_time(), tmp_path / "weights.npz"
    for V, K, d, h, code, word in (
        (2, 257, 1, 1, "E243", "positions"),
        (1500, 1, 1, 1, "E243", "V^2"),
        (300, 40, 1, 1, "E243", "V^2"),
        (2, 2, 1100, 1000, "E243", "weights"),
        (700, 4, 1, 1, "E242", "budget"),
    ):
        path.write_bytes(shaped(V, K, d, h))
        with pytest.raises(Failure) as refused:
            _ = view_of(path, DEFAULT_STEPS).network
        assert refused.value.code.name == code
        assert word in describe(refused.value.code, refused.value.data)
    assert time.process_time() - started < 10


def test_hostile_numbers(emitter: Any, judge: Any) -> None:
    """Scores of 10^30 and exponents across the whole range of float64 are refused or computed with, not hung on."""
    huge = emitter.random_model(1, 3, 2, 2, 2, False, np.float64)
    huge.tensors["W_Q"] = huge.tensors["W_Q"] * 1e30
    huge = emitter.Model(huge.tensors)
    assert judge(huge, emitter.certificate(huge, emitter.TREE, emitter.tree_advice(huge, "U" * 6), 0, 9)).code == "E241"
    tiny = emitter.random_model(2, 3, 2, 2, 2, False, np.float64)
    tiny.tensors["W_U"][0, 0] = 5e-324
    tiny.tensors["W_O"][0, 0] = 1e300
    tiny.tensors["W_E"][0, 0] = 2.0**-1074
    tiny = emitter.Model(tiny.tensors)
    certificate = emitter.certificate(tiny, emitter.TREE, emitter.tree_advice(tiny, "U" * 6), 0, 9)
    assert judge(tiny, certificate).status == "VERIFIED"


def test_large_scores(emitter: Any, judge: Any) -> None:
    """Scores of +-10^5, whose exponentials no float holds, are computed with: the count is exact."""
    model = emitter.pulled_model(0, 4, 3, 0.3)
    model.tensors["W_Q"] = model.tensors["W_Q"] * np.float32(30000)
    model = emitter.Model(model.tensors)
    assert 10**5 < max(abs(v) for row in model.parts["EQKE"] for v in row) < 10**7
    verdict = judge(model, emitter.tree_certificate(model))
    truth = model.truth()
    assert verdict.relation == f"accuracy = {truth}/64"
