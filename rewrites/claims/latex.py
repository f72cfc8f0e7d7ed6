r"""Claims marked in a paper's LaTeX source with the macros of mechproof.sty.

    \mechproofmodel{weights.npz}                     which weights the following claims are about; [task] optional
    \mechclaim{acc}{accuracy >= 4046/4096}{at least 98.4\,\%}
    \mechnumber{noise}{row_difference(EQKE - rank1(EQKE))}{1.85}

In print the last argument appears.  A number is the claim that the expression is ≈ what is printed, so to within half a
unit of its last digit.

>>> printed_number(r"$1.76 \times 10^{-7}$"), printed_number(r"98{,}765.4\,\%")
('1.76e-7', '98765.4%')
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from ...engine.files import read_bytes
from .files import BadClaim, BadClaimFile, ClaimFile, StatedClaim, collected, stated
from .measured import decimal_exponent
from .tree import Approx

MAX_FILE = 1 << 24
MACRO = re.compile(r"\\(mechproofmodel|mechclaim|mechnumber)(?![A-Za-z])\s*(?:\[([^\]]*)\])?")
COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%.*")
ARGUMENTS = {"mechproofmodel": 1, "mechclaim": 3, "mechnumber": 3}


def read_tex(path: Path) -> ClaimFile:
    """The claims marked in a LaTeX file; raises a :class:`~mechproof.engine.errors.MechproofError`."""
    file = path.name
    try:
        source = read_bytes(path, MAX_FILE).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadClaimFile(file, "a LaTeX file in UTF-8", str(error)) from None
    settings: dict[str, str] = {}
    claims: list[StatedClaim] = []
    for line, macro, option, arguments in _macros(file, COMMENT.sub(r"\1", source)):
        if macro == "mechproofmodel":
            settings = {"model": arguments[0], **({"task": option} if option else {})}
            continue
        name, statement, printed = arguments
        statement = " ".join(statement.replace(r"\_", "_").replace(r"\%", "%").split())
        if macro == "mechnumber":
            statement = f"{statement} ≈ {printed_number(printed)}"
        if not settings:
            raise BadClaim(file, name, r"expected \mechproofmodel before it, found none")
        own = {"id": name, "statement": statement, "text": " ".join(printed.split()), "where": f"line {line}"}
        claims.append(stated(file, path.parent, settings | own))
    return collected(file, claims)


def _macros(file: str, source: str) -> Iterator[tuple[int, str, str, list[str]]]:
    """Line, name, option and arguments of each macro in turn."""
    place = 0
    while found := MACRO.search(source, place):
        line = source.count("\n", 0, found.start()) + 1
        arguments, place = [], found.end()
        for _ in range(ARGUMENTS[found[1]]):
            text, place = _argument(file, source, place, line)
            arguments.append(text)
        yield line, found[1], found[2] or "", arguments


def _argument(file: str, source: str, place: int, line: int) -> tuple[str, int]:
    """The text of the group in braces that begins at ``place``, and where it ends."""
    while place < len(source) and source[place].isspace():
        place += 1
    depth, end = 0, place
    while end < len(source):
        character = source[end]
        if character == "\\":
            end += 1
        depth += (character == "{") - (character == "}")
        if depth == 0:
            break
        end += 1
    if end >= len(source) or source[place] != "{":
        raise BadClaimFile(file, f"arguments in braces for the macro on line {line}", "something else")
    return source[place + 1 : end], end + 1


def printed_number(text: str) -> str:
    """A number as LaTeX prints it, in the form of a statement."""
    plain = re.sub(r"\\[,;:! ]|\{,\}|\$|~|\s", "", text).replace(r"\%", "%")
    return re.sub(r"(?:\\times|\\cdot)10\^(?:\{(-?\d+)\}|(-?\d))", lambda m: f"e{m[1] or m[2]}", plain)


def rounded(low: Fraction, high: Fraction, unit: Fraction) -> str | None:
    """The multiple of ``unit`` nearest to the number between two fractions, in decimals; None if they disagree."""
    nearest = {(2 * end + unit) // (2 * unit) for end in (low, high)}
    if len(nearest) > 1:
        return None
    count, power = nearest.pop(), decimal_exponent(unit)
    if power >= 0:
        return str(count * 10**power)
    digits = f"{abs(count):0{1 - power}d}"
    return f"{'-' if count < 0 else ''}{digits[:power]}.{digits[power:]}"


def values_file(results: list[tuple[StatedClaim, str, tuple[Fraction, Fraction] | None]]) -> str:
    r"""What \mechvalue and \mechstatus print: for each claim its verdict, and for a number what the weights give,
    rounded to the digits that the paper prints."""
    lines = ["% written by mechproof: do not edit"]
    for claim, status, bounds in results:
        lines.append(f"\\mechsetstatus{{{claim.id}}}{{{status}}}")
        if isinstance(claim.statement, Approx) and bounds is not None and claim.statement.target.unit is not None:
            scale = 100 if claim.statement.target.text.endswith("%") else 1
            number = rounded(bounds[0] * scale, bounds[1] * scale, claim.statement.target.unit * scale)
            if number is not None:
                lines.append(f"\\mechsetvalue{{{claim.id}}}{{{number}}}")
    return "\n".join(lines) + "\n"
