"""The certificate's text: a reader of its grammar, byte by byte.

The format leaves no freedom (one spelling of each number, one order of keys, no white space), so reading it by
its grammar is at once parsing, checking that the text is canonical, and refusing duplicate keys, floats, deep
nesting and everything else that JSON could hold. Work and memory are proportional to the text; tables stay arrays.
"""

from __future__ import annotations

import base64
import binascii
import re
import sys
from array import array
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from .budget import MAX_TABLE_ENTRIES
from .errors import Code, Failure

MAX_CERTIFICATE = 1 << 26
MAX_ITEMS = 1 << 20
MAX_HEX_DIGITS = 3250
MAX_TEXT = 1 << 12

_SMALL = re.compile(rb"-?[1-9][0-9]*|0")
_BIG = re.compile(rb'"(0x0|-?0x[1-9a-f][0-9a-f]*)"')
_HASH = re.compile(rb'"([0-9a-f]{64})"')
_WORD = re.compile(rb'"([ !#-\[\]-~]{0,100})"')
_PRINTABLE = re.compile(rb'"([ !#-\[\]-~]+)"')
_BASE64 = re.compile(rb'"([A-Za-z0-9+/]*={0,2})"')
_NODES = re.compile(rb'"([A-Z0-9a-fw.!?]*)"')
_TREE = re.compile(rb'"([RSUW0-9a-f]*)"')

Item = TypeVar("Item")


class Reader:
    """A cursor in the text of a certificate. Every method raises E110 when something else stands there.

    >>> reader = Reader(b'[1,-2]"0x1f"')
    >>> reader.items(reader.small), hex(reader.big())
    ([1, -2], '0x1f')
    """

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.at = 0

    def _unexpected(self, expected: str) -> Failure:
        found = self.text[self.at : self.at + 20].decode("latin-1") or "the end"
        return Failure(Code.E110, at=self.at, expected=expected, found=found)

    def _take(self, pattern: re.Pattern[bytes], expected: str) -> bytes:
        """The token, without its quotes."""
        match = pattern.match(self.text, self.at)
        if match is None:
            raise self._unexpected(expected)
        self.at = match.end()
        return match.group(match.re.groups)

    def literal(self, expected: str) -> None:
        """Step over exactly this text."""
        if not self.text.startswith(expected.encode("ascii"), self.at):
            raise self._unexpected(expected.strip())
        self.at += len(expected)

    def small(self) -> int:
        """A JSON integer below 2**31 in size; E111 for a larger one."""
        at = self.at
        token = self._take(_SMALL, "an integer")
        if len(token) > 11 or abs(int(token)) >= 1 << 31:
            raise Failure(Code.E111, at=at)
        return int(token)

    def big(self) -> int:
        """An integer as a string in hex; E111 beyond 13000 bits."""
        at = self.at
        token = self._take(_BIG, 'an integer as "0x..."')
        if len(token) > MAX_HEX_DIGITS + 3:
            raise Failure(Code.E111, at=at)
        return int(token, 16)

    def mask(self) -> int:
        """A natural number of at most 2^21 bits as a string in hex; E111 for another."""
        at = self.at
        token = self._take(_BIG, 'bits as "0x..."')
        if token.startswith(b"-") or len(token) > MAX_TABLE_ENTRIES // 4 + 2:
            raise Failure(Code.E111, at=at)
        return int(token, 16)

    def table(self) -> Sequence[int]:
        """Numbers of 16 bits, the higher byte first, in canonical base64; E112 for more than 2^21."""
        at = self.at
        token = self._take(_BASE64, "a table in base64")
        if len(token) > 4 * MAX_TABLE_ENTRIES:
            raise Failure(Code.E112, at=at, limit=MAX_TABLE_ENTRIES)
        data = self._decoded(token, at)
        if len(data) % 2:
            raise Failure(Code.E110, at=at, expected="16-bit numbers", found=f"{len(data)} bytes")
        numbers = array("H", data)
        if sys.byteorder == "little":
            numbers.byteswap()
        return numbers

    def _decoded(self, token: bytes, at: int) -> bytes:
        """What canonical base64 stands for."""
        try:
            data = base64.b64decode(token, validate=True)
        except binascii.Error as error:
            raise Failure(Code.E110, at=at, expected="base64", found=str(error)) from error
        # each four characters before the last four stand for three bytes in one way only
        last = data[(len(data) - 1) // 3 * 3 :] if data else b""
        if len(token) != -(-len(data) // 3) * 4 or base64.b64encode(last) != token[-4:]:
            raise Failure(Code.E110, at=at, expected="canonical base64", found="another text")
        return data

    def octets(self) -> bytes:
        """Bytes in canonical base64."""
        at = self.at
        return self._decoded(self._take(_BASE64, "bytes in base64"), at)

    def printable(self) -> str:
        """A text of 1 to 4096 printable ASCII characters, without quotes and backslashes; E114 for another."""
        match = _PRINTABLE.match(self.text, self.at)
        if match is None or len(match[1]) > MAX_TEXT:
            raise Failure(Code.E114, at=self.at, limit=MAX_TEXT)
        self.at = match.end()
        return match[1].decode("ascii")

    def hash(self) -> str:
        """A sha256 in lower-case hex."""
        return self._take(_HASH, "a sha256").decode("ascii")

    def word(self) -> str:
        """A short string without escapes."""
        return self._take(_WORD, "a name").decode("ascii")

    def tree(self) -> str:
        """The symbols of a tree."""
        return self._take(_TREE, "the symbols of a tree").decode("ascii")

    def nodes(self) -> str:
        """The symbols of a tree of nodes."""
        return self._take(_NODES, "the symbols of nodes").decode("ascii")

    def object(self, **members: str | Callable[[], Any]) -> tuple[Any, ...]:
        """The values of an object with exactly these members, in this order; a text stands for itself, without value.

        >>> reader = Reader(b'{"kind":"count","low":1,"high":2}')
        >>> reader.object(kind="count", low=reader.small, high=reader.small)
        (1, 2)
        """
        found: list[Any] = []
        for place, (name, member) in enumerate(members.items()):
            self.literal(f'{"," if place else "{"}"{name}":')
            if isinstance(member, str):
                self.literal(f'"{member}"')
            else:
                found.append(member())
        self.literal("}" if members else "{}")
        return tuple(found)

    def row(self, *members: Callable[[], Any]) -> tuple[Any, ...]:
        """The values of a list of just so many members.

        >>> reader = Reader(b'[1,[2,3]]')
        >>> reader.row(reader.small, lambda: reader.items(reader.small))
        (1, [2, 3])
        """
        found: list[Any] = []
        for place, member in enumerate(members):
            self.literal("," if place else "[")
            found.append(member())
        self.literal("]")
        return tuple(found)

    def items(self, item: Callable[[], Item], most: int = MAX_ITEMS) -> list[Item]:
        """A JSON list; E112 when it is longer."""
        self.literal("[")
        found: list[Item] = []
        if self.text[self.at : self.at + 1] != b"]":
            found.append(item())
            while self.text[self.at : self.at + 1] == b",":
                if len(found) == most:
                    raise Failure(Code.E112, at=self.at, limit=most)
                self.at += 1
                found.append(item())
        self.literal("]")
        return found

    def end(self) -> None:
        """The line feed that ends the text."""
        self.literal("\n")
        if self.at != len(self.text):
            raise self._unexpected("the end of the file")
