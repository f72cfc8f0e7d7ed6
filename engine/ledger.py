"""The sets that a count adds up, as a file beside a transcript: who reads it can count again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Ledger:
    """``columns``: the names of a row's entries; ``explained``: prose that says what a row means and how its numbers
    make the count.

    >>> Ledger("count.csv", ("q", "sequences"), ((0, 3), (1, 5)), "").text()
    'q,sequences\\n0,3\\n1,5\\n'
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int | str, ...], ...]
    explained: str

    def text(self) -> str:
        """The file: comma-separated, one row a line."""
        return "".join(",".join(map(str, row)) + "\n" for row in (self.columns, *self.rows))

    def digest(self) -> str:
        return hashlib.sha256(self.text().encode()).hexdigest()


def ranges(numbers: list[int] | tuple[int, ...]) -> str:
    """Ascending numbers with runs drawn together.

    >>> ranges([0, 1, 2, 5, 7, 8])
    '0-2 5 7-8'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return " ".join("-".join(map(str, run)) for run in runs)
