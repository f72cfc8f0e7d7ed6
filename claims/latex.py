r"""Claims marked in a paper's LaTeX source with the macros of mechproof.sty.

    \mechproofmodel{weights.npz}                     which weights the following claims are about; [task] optional
    \mechclaim{acc}{accuracy >= 4046/4096}{at least 98.4\,\%}
    \mechnumber{noise}{row_difference(EQKE - rank1(EQKE))}{1.85}

In print the last argument appears.  A number is the claim that the expression is ≈ what is printed, so to within half a
unit of its last digit.  Which files are read, and what of them, says :mod:`.latex_document`.

>>> printed_number(r"$1.76 \times 10^{-7}$"), printed_number(r"98{,}765.4\,\%")
('1.76e-7', '98765.4%')
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from .files import BadClaimFile, ClaimFile, StatedClaim, collected, folders_of, stated
from .latex_document import Command, LatexDocument
from .measured import decimal_exponent
from .tree import Approx, Number

ARGUMENTS = {"mechproofmodel": 1, "mechclaim": 3, "mechnumber": 3}
OPTION = re.compile(r"\s*\[([^\]]*)\]")


def read_tex(path: Path, models: Path | None = None) -> ClaimFile:
    """The claims marked in a LaTeX document, about models in its folder, or in ``models``; raises a
    :class:`~mechproof.engine.errors.MechproofError`.

    A file that is printed twice makes its claims once.
    """
    document = LatexDocument(path, frozenset(ARGUMENTS))
    settings: dict[str, str] = {}
    claims: list[StatedClaim] = []
    for command in document.commands():
        option, arguments = _arguments(command)
        if command.name == "mechproofmodel":
            settings = {"model": arguments[0], **({"task": option} if option else {})}
            continue
        name, statement, printed = arguments
        statement = " ".join(statement.replace(r"\_", "_").replace(r"\%", "%").split())
        if command.name == "mechnumber":
            statement = f"{statement} ≈ {printed_number(printed)}"
        where = f"line {command.line}" if command.file == path.name else f"{command.file}, line {command.line}"
        own = {"id": name, "statement": statement, "text": " ".join(printed.split()), "where": where}
        claim = stated(command.file, folders_of(path, models), settings | own)
        claims.append(claim if settings else replace(claim, problem=r"expected \mechproofmodel before it, found none"))
    if not claims and document.warnings:
        raise BadClaimFile(path.name, "a claim", f"none; {document.warnings[0]}")
    return replace(collected(path.name, list(dict.fromkeys(claims))), warnings=tuple(document.warnings))


def _arguments(command: Command) -> tuple[str, list[str]]:
    """The option of a macro, empty for none, and its arguments."""
    option = OPTION.match(command.source, command.end)
    place = command.end if option is None else option.end()
    arguments: list[str] = []
    for _ in range(ARGUMENTS[command.name]):
        text, place = argument(command.file, command.source, place, command.line)
        arguments.append(text)
    return "" if option is None else option[1], arguments


def argument(file: str, source: str, place: int, line: int) -> tuple[str, int]:
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


def as_printed(printed: str, target: Number, low: Fraction, high: Fraction) -> str | None:
    r"""What is printed, with its unit, its power of ten and as many digits, for the number between two fractions; None
    where that is not known to so many digits, or where this text does not print the target.

    >>> from .syntax import parse
    >>> target = parse("x ≈ 1.76e-7").target
    >>> as_printed(r"$1.76 \times 10^{-7}$", target, Fraction(2113, 10**10), Fraction(2114, 10**10))
    '$2.11 \\times 10^{-7}$'
    """
    plain, numeral = printed_number(printed), re.search(r"-?[0-9]+(?:\.[0-9]+)?", printed)
    if numeral is None or plain != target.text or "{,}" in printed:
        return None
    exponent = int(plain.removesuffix("%").partition("e")[2] or 0)
    scale = Fraction(10) ** exponent / Fraction(100 if plain.endswith("%") else 1)
    unit = Fraction(1, 10 ** len(numeral[0].partition(".")[2]))
    number = rounded(low / Fraction(scale), high / Fraction(scale), unit)
    return None if number is None else f"{printed[: numeral.start()]}{number}{printed[numeral.end() :]}"


def values_file(results: list[tuple[StatedClaim, str, tuple[Fraction, Fraction] | None]]) -> str:
    r"""What \mechvalue and \mechstatus print: for each claim its verdict, and for a number what the weights give,
    rounded to the digits that the paper prints; \mechprinted prints it with its unit too."""
    lines = ["% written by mechproof: do not edit"]
    for claim, status, bounds in results:
        lines.append(f"\\mechsetstatus{{{claim.id}}}{{{status}}}")
        if isinstance(claim.statement, Approx) and bounds is not None and claim.statement.target.unit is not None:
            scale = 100 if claim.statement.target.text.endswith("%") else 1
            number = rounded(bounds[0] * scale, bounds[1] * scale, claim.statement.target.unit * scale)
            if number is not None:
                lines.append(f"\\mechsetvalue{{{claim.id}}}{{{number}}}")
            printed = as_printed(claim.text, claim.statement.target, *bounds)
            if printed is not None:
                lines.append(f"\\mechsetprinted{{{claim.id}}}{{{printed}}}")
    return "\n".join(lines) + "\n"
