"""Reader of npz: a zip of npy arrays. Only what numpy writes: stored or deflated members, no zip64, no pickles.

Numbers may be of either byte order. The central directory is the truth; the local headers are stepped over after their
names are compared.
Sizes are checked before anything is inflated, so that a zip bomb costs nothing.
"""

from __future__ import annotations

import re
import struct
import zlib
from array import array
from dataclasses import dataclass
from math import prod

from .errors import Code, Failure
from .stored import SIZES, Stored

MAX_INFLATED = 1 << 26
MAX_MEMBERS = 256
MAX_NPY_HEADER = 1 << 12
DTYPES = {"f2": "float16", "f4": "float32", "f8": "float64"}
DTYPES |= {f"{name[0]}{size}": f"{name}{8 * size}" for name in ("int", "uint") for size in (1, 2, 4, 8)}
# by the bytes of a number, what byteswap knows it as
WORDS = {2: "H", 4: "I", 8: "Q"}

_END = struct.Struct("<4s4H2LH")
_MEMBER = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_NPY = re.compile(
    rb"\{ ?'descr': ?'([^'\\]{1,20})', ?'fortran_order': ?(True|False), ?"
    rb"'shape': ?\(((?:[0-9]{1,12}(?:, ?[0-9]{1,12}){0,7},?)?)\),? ?\} *\n?"
)


@dataclass(frozen=True)
class Member:
    """An entry of the central directory."""

    name: bytes
    method: int
    crc: int
    packed: int
    size: int
    offset: int


def _members(file: str, data: bytes) -> list[Member]:
    """The central directory, whose end record must be the last thing in the file."""

    def broken(what: str) -> Failure:
        return Failure(Code.E122, file=file, what=what)

    if len(data) < _END.size:
        raise broken("too short for a zip archive")
    magic, disk, first, here, count, length, start, comment = _END.unpack_from(data, len(data) - _END.size)
    if magic != b"PK\5\6" or disk or first or comment or here != count:
        raise broken("the zip archive does not end with its directory (or it has a comment)")
    if count > MAX_MEMBERS or start + length != len(data) - _END.size:
        raise broken("its directory is misplaced, too long, or zip64")
    members: list[Member] = []
    at = start
    for _ in range(count):
        if at + _MEMBER.size > start + length:
            raise broken("its directory is cut short")
        entry = _MEMBER.unpack_from(data, at)
        flags, method, crc, packed, size = entry[3], entry[4], entry[7], entry[8], entry[9]
        name_length, extra_length, comment_length, offset = entry[10], entry[11], entry[12], entry[16]
        if entry[0] != b"PK\1\2" or method not in (0, 8) or flags & 0x2041 or 0xFFFFFFFF in (packed, size, offset):
            raise broken("a member is encrypted, zip64, or compressed in an unknown way")
        name = data[at + _MEMBER.size : at + _MEMBER.size + name_length]
        members.append(Member(name, method, crc, packed, size, offset))
        at += _MEMBER.size + name_length + extra_length + comment_length
    if at != start + length or len({member.name for member in members}) != count:
        raise broken("its directory has left-over bytes, or two members of one name")
    if sum(member.size for member in members) > MAX_INFLATED:
        raise broken(f"its members inflate to more than {MAX_INFLATED} bytes")
    return members


def _inflate(file: str, data: bytes, member: Member) -> bytes:
    """The bytes of a member, of the size and checksum that the directory says."""

    def broken(what: str) -> Failure:
        return Failure(Code.E122, file=file, what=f"member {member.name.decode('latin-1')} {what}")

    if member.offset + _LOCAL.size > len(data):
        raise broken("lies outside the file")
    local = _LOCAL.unpack_from(data, member.offset)
    name_at = member.offset + _LOCAL.size
    begin = name_at + local[9] + local[10]
    if local[0] != b"PK\3\4" or data[name_at : name_at + local[9]] != member.name or local[3] != member.method:
        raise broken("has another name or method in its own header")
    packed = data[begin : begin + member.packed]
    if member.method == 0:
        content = packed
    else:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            content = inflater.decompress(packed, member.size + 1)
        except zlib.error as error:
            raise broken("cannot be inflated") from error
    if len(packed) != member.packed or len(content) != member.size or zlib.crc32(content) != member.crc:
        raise broken("is cut short or damaged")
    return content


def _array(file: str, name: str, content: bytes) -> Stored:
    """An npy file: magic, version, length of the header, the header, the numbers."""

    def broken(what: str) -> Failure:
        return Failure(Code.E123, file=file, name=name, what=what)

    if content[:6] != b"\x93NUMPY" or content[6:8] not in (b"\1\0", b"\2\0", b"\3\0"):
        raise broken("not an npy array")
    width = 2 if content[6] == 1 else 4
    start = 8 + width
    length = int.from_bytes(content[8:start], "little")
    if length > min(MAX_NPY_HEADER, len(content) - start):
        raise broken("its header is cut short or too long")
    parsed = _NPY.fullmatch(content, start, start + length)
    if parsed is None:
        raise broken("its header is not that of a plain array (object arrays and records are not read)")
    descr, order, sizes = parsed.groups()
    dtype = DTYPES.get(descr[1:].decode("latin-1"))
    if dtype is None or descr[:1] not in (b"<", b">", b"|") or (descr[:1] == b"|") != (SIZES[dtype] == 1):
        raise Failure(Code.E124, file=file, name=name, dtype=descr.decode("latin-1"))
    shape = tuple(int(n) for n in re.findall(rb"[0-9]+", sizes))
    payload = content[start + length :]
    if len(payload) != prod(shape) * SIZES[dtype]:
        raise broken("its bytes do not fit its shape")
    if descr[:1] == b">":
        words = array(WORDS[SIZES[dtype]], payload)
        words.byteswap()
        payload = words.tobytes()
    return Stored(name, dtype, shape, lambda: payload, order == b"True")


def read_npz(file: str, data: bytes, ignored: re.Pattern[str]) -> list[Stored]:
    """The arrays of the file; those whose names match ``ignored`` are never opened. E122, E123, E124."""
    tensors: list[Stored] = []
    for member in _members(file, data):
        name = member.name.decode("latin-1")
        if not name.endswith(".npy"):
            raise Failure(Code.E122, file=file, what=f"it holds {name}, which is not an npy array")
        if not ignored.fullmatch(name[:-4]):
            tensors.append(_array(file, name[:-4], _inflate(file, data, member)))
    return tensors
