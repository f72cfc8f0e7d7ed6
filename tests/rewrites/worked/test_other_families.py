"""Worked inputs of quotients and of induction trees: the inequalities that are shown hold, number by number."""

from __future__ import annotations

import re
from fractions import Fraction

from every_transcript import proof_of

from mechproof.engine.transcript import DisplayMath, Section, Table
from mechproof.engine.transcript.document import Math, Text, nodes


def worked(name: str) -> Section:
    (section,) = (b for b in proof_of(name).transcript().blocks if isinstance(b, Section) and "worked" in b.title)
    return section


def numbers(table: Table) -> list[list[Fraction]]:
    """The cells of a table that are numbers."""
    rows = []
    for row in table.rows:
        cells = ["".join(getattr(i, "latex", getattr(i, "text", "")) for i in cell) for cell in row]
        rows.append([Fraction(cell) for cell in cells if cell])
    return rows


def text(section: Section) -> str:
    """The words and formulas of a section in a row."""
    found = [node for block in section.blocks for node in nodes(block) if isinstance(node, Text | Math)]
    return "".join(node.text if isinstance(node, Text) else node.latex for node in found)


def test_an_accepted_input_of_a_quotient_adds_up():
    """The neurons' products are the difference of logits, which exceeds D ρ + s as it says."""
    section = worked("quotient")
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    (shown,) = (block.latex for block in section.blocks if isinstance(block, DisplayMath))
    gap, needed = map(int, re.findall(r"(?<![{\d])\d{3,}", shown))
    rows = numbers(table)
    for _, _, _, near, far, d, other, hidden, _ in rows:
        assert hidden == max(near + far, 0) + d + other
    said = " ".join(n.latex for block in section.blocks for n in nodes(block) if isinstance(n, Math))
    distance, rho, slack = (
        int(re.findall(pattern, said)[0]) for pattern in (r"D = (\d+)", r"y\) = (\d+)", r"s = (\d+)")
    )
    direct = int(re.findall(r"tokens add *(-?\d+) *directly", text(section))[0])
    assert sum(row[7] * row[8] for row in rows) + direct == gap > needed == distance * rho + slack


def test_a_leaf_of_an_induction_tree_holds():
    """What the reference key leaves is more than the penalties of the worst chain, each at least its own product."""
    section = worked("induction accuracy")
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    (shown,) = (block.latex for block in section.blocks if isinstance(block, DisplayMath))
    left = Fraction(re.findall(r"\\ge ([0-9.]+)", shown)[0])
    said = " ".join(n.latex for block in section.blocks for n in nodes(block) if isinstance(n, Math))
    room = Fraction(re.findall(r"\\gamma \\ge (-?[0-9.]+)", said)[0])
    spent = sum(row[-1] for row in numbers(table))
    assert 0 < left <= room and room - left <= spent + Fraction(3, 10**6)
    assert any("inputs are right" in n.text for block in section.blocks for n in nodes(block) if isinstance(n, Text))
