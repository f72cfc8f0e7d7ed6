"""Only the canonical text of a certificate is read; everything else is malformed, quickly and without an exception."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest

from mechproof.engine.checker import check
from mechproof.engine.checker.certificate import MAX_CERTIFICATE, MAX_ITEMS, Reader
from mechproof.engine.checker.errors import Code, Failure


@pytest.fixture(scope="module")
def good(emitter: Any, small: Any) -> bytes:
    """A true certificate of the small model."""
    return emitter.text(emitter.tree_certificate(small))


def test_the_good_text_is_read(judge: Any, small: Any, good: bytes) -> None:
    """The text that the other tests mangle is verified."""
    assert judge(small, good).status == "VERIFIED"


REPLACEMENTS = [
    (b'{"schema"', b'{ "schema"'),
    (b'"derivations":[', b'"derivations":[\n'),
    (b'"metric":"accuracy"', b'"metric":"loss"'),
    (b'"advice":{}', b'"advice":null'),
    (b'"advice":{}', b'"advice":{"x":0}'),
    (b'"id":0', b'"id":0.0'),
    (b'"id":0', b'"id":-0'),
    (b'"id":0', b'"id":00'),
    (b'"id":0', b'"id":NaN'),
    (b'"id":0', b'"id":Infinity'),
    (b'"id":0', b'"id":true'),
    (b'"id":0', b'"id":0,"id":0'),
    (b'"id":0,"rule":"network_definition/2"', b'"rule":"network_definition/2","id":0'),
    (b'"inputs":"0x40"', b'"inputs":"0x040"'),
    (b'"inputs":"0x40"', b'"inputs":"0X40"'),
    (b'"inputs":"0x40"', b'"inputs":"-0x0"'),
    (b'"inputs":"0x40"', b'"inputs":"64"'),
    (b'"inputs":"0x40"', b'"inputs":64'),
    (b'"kind":"network"', b'"kind":"paths"'),
    (b'"kind":"network"', b'"\\u006bind":"network"'),
    (b"descending-score", b"ascending-score"),
    (b'"tree":"', b'"tree":"x'),
    (b"mechproof-certificate/2", b"mechproof-certificate/3"),
]


@pytest.mark.parametrize(("old", "new"), REPLACEMENTS)
def test_other_spellings(judge: Any, small: Any, good: bytes, old: bytes, new: bytes) -> None:
    """White space, floats, duplicate or reordered keys, other numerals and other words are malformed."""
    assert old in good
    verdict = judge(small, good.replace(old, new, 1))
    assert (verdict.code, verdict.exit_code) == ("E110", 2), verdict.line
    assert verdict.line.startswith("s MALFORMED E110 certificate, byte ")


@pytest.mark.parametrize(
    "text",
    [b"", b"\n", b"{}\n", b"null\n", b"[" * 100_000, b'"' * 100_000, bytes(range(256)), b"\xef\xbb\xbf{}", b"1e400\n"],
)
def test_other_files(judge: Any, small: Any, text: bytes) -> None:
    """Arbitrary bytes are malformed; the verdict line stays one printable line."""
    verdict = judge(small, text)
    assert verdict.code == "E110"
    assert verdict.line.isascii()
    assert verdict.line.isprintable()


def test_pretty_json_and_line_ends(judge: Any, small: Any, good: bytes) -> None:
    """The same object, spelt with spaces, without the last line feed, or with more after it, is malformed."""
    for text in (json.dumps(json.loads(good), indent=1).encode() + b"\n", good[:-1], good + b"\n", good[:-1] + b"\r\n"):
        assert judge(small, text).code == "E110"


def test_numbers_out_of_range(judge: Any, small: Any, good: bytes) -> None:
    """Integers beyond the format's range are refused before they are computed with."""
    for number in (b"2147483648", b"-2147483648", b"9" * 1_000_000):
        assert judge(small, good.replace(b'"id":0', b'"id":' + number, 1)).code == "E111"
    assert judge(small, good.replace(b'"0x40"', b'"0x' + b"1" * 1_000_000 + b'"')).code == "E111"
    assert Reader(b"-2147483647").small() == -(2**31) + 1
    assert Reader(b'"-0x' + b"f" * 3250 + b'"').big() == 1 - (1 << 13000)


def test_long_lists() -> None:
    """A list of more than 2^20 items is refused."""
    reader = Reader(b"[" + b"0," * MAX_ITEMS + b"0]")
    with pytest.raises(Failure) as caught:
        reader.items(reader.small)
    assert caught.value.code is Code.E112


def test_mangled_bytes(judge: Any, small: Any, good: bytes) -> None:
    """Random edits, cuts and doublings never verify anything else, and never raise."""
    rng = random.Random(0)
    for _ in range(400):
        text = bytearray(good)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(text))
            kind = rng.randrange(3)
            if kind == 0:
                text[at] = rng.choice(b'0123456789abcdefRSUWx"{}[]:,-\n\\\xff')
            elif kind == 1:
                del text[at : at + rng.randrange(1, 40)]
            else:
                text[at:at] = text[at : at + rng.randrange(1, 40)]
        verdict = judge(small, bytes(text))
        assert verdict.exit_code in (1, 2) or int(json.loads(text)["relation"]["right_low"], 16) == verdict.right_low


def test_large_texts_are_cheap(judge: Any, small: Any, good: bytes) -> None:
    """Millions of brackets, digits or symbols are refused within a second or two."""
    started = time.process_time()
    for old, new in ((b'"id":0', b'"id":' + b"[" * 10**7), (b'"tree":"', b'"tree":"' + b"S" * 10**7)):
        assert judge(small, good.replace(old, new, 1)).exit_code in (1, 2)
    assert time.process_time() - started < 5


def test_files_that_cannot_be_read(emitter: Any, small: Any, tmp_path: Path, good: bytes) -> None:
    """Missing files, folders, impossible names and oversized files are malformed input."""
    weights = emitter.write(small, tmp_path)
    certificate = tmp_path / "c.json"
    certificate.write_bytes(good)
    assert check(tmp_path / "missing.json", weights).code == "E101"
    assert check(tmp_path, weights).code == "E101"
    assert check("a\0b", weights).code == "E101"
    assert check(certificate, tmp_path / "missing.npz").code == "E101"
    large = tmp_path / "large.json"
    with large.open("wb") as stream:
        stream.truncate(MAX_CERTIFICATE + 1)
    assert check(large, weights).code == "E102"


def test_tasks_and_options(emitter: Any, small: Any, tmp_path: Path, good: bytes) -> None:
    """An unknown task and impossible options are wrong usage."""
    weights = emitter.write(small, tmp_path)
    certificate = tmp_path / "c.json"
    certificate.write_bytes(good)
    assert check(certificate, weights, task="min-of-k").code == "E103"
    assert check(certificate, weights, jobs=0).code == "E100"
    assert check(certificate, weights, jobs=10**6).code == "E100"
    assert check(certificate, weights, budget=0).code == "E100"
    assert check(certificate, weights, budget=100).code == "E242"
    assert check(certificate, weights, budget=800).code == "E242"
