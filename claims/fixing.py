"""Numbers of refuted claims rewritten, beside the user's file: in the safe direction, to the digits that are printed.

A number after ≈ becomes what the weights give, rounded; a bound becomes the nearest one of as many digits that is true.
Each rewritten claim is proved before it is written.  The user's file stays as it is.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ..engine.arithmetic.printing import ceil_str, floor_str
from ..engine.errors import MechproofError
from ..engine.files import atomic_write, read_bytes
from .files import MAX_FILE, BadClaimFile, StatedClaim, defined
from .latex import argument, printed_number, rounded
from .measured import Measured, decimal_exponent
from .report import Report, Result
from .syntax import parse
from .tree import Approx, Compare, Negate, Number, Statement

NUMERAL = re.compile(r"([-−]\s*)?([0-9]+(?:\.[0-9]+)?)((?:[eE][+-]?[0-9]+)?)")
PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?%?")
_UPPER = {"<=": True, "<": True, ">=": False, ">": False}


@dataclass(frozen=True)
class Fix:
    """The claim of this id, with its statement as it was and as it is true."""

    id: str
    before: str
    after: str


def fixed_file(path: Path) -> Path:
    """Where the rewritten file goes; raises :class:`BadClaimFile` where there is one already."""
    target = path.with_name(f"{path.stem}.fixed{path.suffix}")
    if target.exists():
        raise BadClaimFile(path.name, f"no file {target.name} yet, which --fix writes", "one")
    return target


def write_fixed(path: Path, report: Report) -> tuple[Path | None, list[Fix], list[str]]:
    """The rewritten file (None where there is nothing to rewrite), what was rewritten, and the ids of refuted claims
    that were not.  Raises :class:`BadClaimFile` where the target exists."""
    target = fixed_file(path)
    text = read_bytes(path, MAX_FILE).decode("utf-8")
    done: list[Fix] = []
    left: list[str] = []
    for result in report.results:
        if result.verdict.status != "REFUTED":
            continue
        fix = _fix(result, report)
        new = None if fix is None else (_in_tex if path.suffix == ".tex" else _in_toml)(text, fix)
        if fix is None or new is None:
            left.append(result.claim.id)
        else:
            text, done = new, [*done, fix]
    if not done:
        return None, done, left
    atomic_write(target, text.encode("utf-8"))
    return target, done, left


def _fix(result: Result, report: Report) -> Fix | None:
    claim, verdict = result.claim, result.verdict
    if claim.statement is None or result.session is None or len(verdict.measured) != 1:
        return None
    after = _rewritten(claim, claim.statement, verdict.measured[0])
    if after is None:
        return None
    try:
        statement = parse(after, defined(report.file.name, dict(report.file.definitions)))
        if result.session.settle(statement).status != "PROVED":
            return None
    except MechproofError:  # not a statement any more: then it stays as it is
        return None
    return Fix(claim.id, claim.source, after)


def _rewritten(claim: StatedClaim, statement: Statement, measured: Measured) -> str | None:
    """The claim's text with another number."""
    match statement:
        case Approx(_, target):
            return _with_number(claim.source, target.column, target, measured, None)
        case Compare((left, right), (sign,)) if sign in _UPPER:
            for side, other, upper in ((right, left, _UPPER[sign]), (left, right, not _UPPER[sign])):
                number = side.body if isinstance(side, Negate) else side
                if isinstance(number, Number) and not isinstance(other, Number | Negate):
                    return _with_number(claim.source, side.column, number, measured, upper, strict="=" not in sign)
    return None


def _with_number(
    source: str, column: int, number: Number, measured: Measured, upper: bool | None, *, strict: bool = False
) -> str | None:
    """``upper``: whether the number bounds from above; None for ≈."""
    found = NUMERAL.match(source, column - 1)
    if found is None or number.unit is None:
        return None
    exponent = int(found[3][1:] or 0) if found[3] else 0
    scale = Fraction(10) ** exponent / Fraction(100 if number.text.endswith("%") else 1)
    low, high, unit = (part / Fraction(scale) for part in (measured.low, measured.high, number.unit))
    if upper is None:
        text = rounded(low, high, unit)
    else:
        digits = max(-decimal_exponent(unit), 0)
        step = Fraction(1, 10**digits)
        end = high if upper else low
        text = ceil_str(end, digits) if upper else floor_str(end, digits)
        if strict and Fraction(text) == end:
            text = ceil_str(end + step, digits) if upper else floor_str(end - step, digits)
    return None if text is None else f"{source[: found.start()]}{text}{found[3]}{source[found.end() :]}"


def _in_toml(text: str, fix: Fix) -> str | None:
    """The file with this claim rewritten; None unless its statement stands in its table once, as it was read."""
    tables = re.split(r"(?m)^(?=\s*\[)", text)
    for place, table in enumerate(tables):
        if not table.lstrip().startswith("[[claim]]"):
            continue
        try:
            content = tomllib.loads(table)["claim"][0]
        except (ValueError, RecursionError):
            return None
        if content.get("id") != fix.id or table.count(fix.before) != 1:
            continue
        tables[place] = table.replace(fix.before, fix.after)
        if tomllib.loads(tables[place])["claim"][0] != content | {"statement": fix.after}:
            return None
        return "".join(tables)
    return None


def _in_tex(text: str, fix: Fix) -> str | None:
    r"""The document with the number in this \mechnumber rewritten; None for another macro or in another file, and where
    the number is printed in a way that is not plain."""
    marked = [found.end() for found in re.finditer(r"\\mechnumber\s*\{" + re.escape(fix.id) + r"\}", text)]
    if len(marked) != 1:
        return None
    try:
        _, end = argument("", text, marked[0], 0)
        printed, end = argument("", text, end, 0)
    except BadClaimFile:
        return None
    numerals = list(re.finditer(r"-?[0-9]+(?:\.[0-9]+)?", printed))
    if len(numerals) != 1 or not PLAIN.fullmatch(printed_number(printed)):
        return None
    start = end - 1 - len(printed)
    after = fix.after.rpartition("≈")[2].strip().removesuffix("%").strip()
    return f"{text[: start + numerals[0].start()]}{after}{text[start + numerals[0].end() :]}"
