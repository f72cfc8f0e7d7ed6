r"""Formulas: a checked subset of LaTeX mathematics, and its MathML.

A transcript shows the same formula in three places, so a formula is refused at birth unless all
three can show it.  Supported: letters, numbers, the signs of :mod:`.symbols`, sub- and superscripts,
``\frac \dfrac \tfrac \binom \sqrt``, ``\left \middle \right`` and ``\big…\Bigg``, ``\operatorname``
(also starred), ``\mathrm \mathbf \mathsf \mathtt \mathcal \mathbb``, ``\text``, accents, braces,
``\overset \underset \substack``, ``\pmod``, spaces, and the environments ``matrix`` (and its p, b, B, v, V,
small kinds), ``cases``, ``aligned``, ``gathered``, ``array``.  Inside ``\text`` only ASCII letters,
digits, spaces and ``,.;:()'/=+?!-``.  Everything else is :class:`UnsupportedMath`: no macro that reads files or
defines macros can pass, whatever wrote the formula.

Why not an existing converter: latex2mathml 3.81 prints unknown commands as text, leaves ``&`` unescaped, knows
no ``aligned`` and puts the limits of ``\max`` beside it; tests compare the signs with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from xml.etree import ElementTree as Tree

from ..errors import MechproofError
from . import symbols
from .atoms import Atom, element, function, joined, sign, spaced, table, upright
from .symbols import OP, ORD, PUNCT, REL

MAX_DEPTH = 40
"""Deepest nesting of groups; far above what anyone can read, far below Python's recursion limit."""

DIGITS = 12
"""Digits of an integer that stay together; beyond them a line may break."""

MAX_COLUMNS = 10
"""Columns of a matrix; amsmath's own limit."""

TOKEN = re.compile(r"\\operatorname\*|\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|'+|[^\s]", re.DOTALL)
PLAIN = re.compile(r"[A-Za-z0-9 ,.;:()'/=+?!-]*")
NAME = re.compile(r"[A-Za-z0-9]+(?:\\,[A-Za-z0-9]+)*")
RAW = re.compile(r"\\(?:text|operatorname\*?|mathrm|mathbf|mathsf|mathtt|mathcal|mathbb|begin|end)(?![A-Za-z])")
NAMES = (r"\mathrm", r"\mathbf", r"\mathsf", r"\mathtt", r"\mathcal", r"\mathbb", r"\text")
"""What may be a script without braces around it: TeX expands them there, but not as arguments of commands."""

DANGLING = (r"\right", r"\middle", r"\end", r"\\", r"\limits", r"\nolimits")


@dataclass(unsafe_hash=True)
class UnsupportedMath(MechproofError):
    """A command, sign or environment outside the subset this module documents."""

    command: str
    latex: str
    sentence = "formula {latex!r}: {command!r} is not in the supported subset of LaTeX"


@dataclass(unsafe_hash=True)
class MalformedMath(MechproofError):
    """A formula that LaTeX itself would refuse: unbalanced groups, double scripts, ragged ends."""

    reason: str
    latex: str
    sentence = "formula {latex!r}: {reason}"


def tokens(latex: str) -> list[str]:
    r"""The formula in pieces; the argument of ``\text``, ``\mathrm``, ``\begin``… is one piece.

    Raises MalformedMath when such an argument is missing.

    >>> tokens(r"\mathrm{head}_{q} \le 2^{-31}")
    ['\\mathrm', 'head', '_', '{', 'q', '}', '\\le', '2', '^', '{', '-', '31', '}']
    """
    found: list[str] = []
    place = 0
    while match := TOKEN.search(latex, place):
        token, place = match.group(), match.end()
        found.append(token)
        if RAW.fullmatch(token):
            argument = re.compile(r"\s*(?:\{([^{}]*)\}|([A-Za-z0-9]))").match(latex, place)
            if argument is None:
                raise MalformedMath(f"{token} needs an argument in braces", latex)
            found.append(argument.group(1) if argument.group(1) is not None else argument.group(2))
            place = argument.end()
    return found


class Reader:
    """Recursive descent over the tokens of one formula; each method consumes what it names."""

    def __init__(self, latex: str) -> None:
        self.latex = latex
        self.tokens = tokens(latex)
        self.place = 0
        self.depth = 0

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        if self.place == len(self.tokens):
            raise self.malformed("the formula ends too early")
        self.place += 1
        return token

    def expect(self, wanted: str) -> None:
        if self.peek() != wanted:
            raise self.malformed(f"expected {wanted!r}, found {self.peek() or 'the end'!r}")
        self.place += 1

    def malformed(self, reason: str) -> MalformedMath:
        return MalformedMath(reason, self.latex)

    def unsupported(self, command: str) -> UnsupportedMath:
        return UnsupportedMath(command, self.latex)

    def row(self, *stops: str) -> list[Atom]:
        """Atoms up to one of ``stops`` (not consumed) or the end of the formula ("")."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.malformed(f"groups are nested more than {MAX_DEPTH} deep")
        atoms: list[Atom] = []
        while self.peek() not in stops:
            if self.peek() == "":
                raise self.malformed(f"missing {stops[0]!r}")
            atoms.append(self.scripted())
        self.depth -= 1
        return atoms

    def scripted(self) -> Atom:
        """An atom with its primes, sub- and superscript."""
        base = Atom(ORD, element("mrow")) if self.peek()[0] in "^_'" else self.atom()
        if self.peek() in (r"\limits", r"\nolimits"):
            if base.kind != OP:
                raise self.malformed(f"{self.peek()} must follow an operator")
            base = Atom(base.kind, base.element, self.take() == r"\limits", base.spaced)
        scripts: dict[str, Tree.Element] = {}
        while self.peek()[:1] in ("^", "_", "'"):
            mark = self.take()
            if mark[0] == "'":
                mark, script = "^", element("mo", "′" * len(mark))
            else:
                script = self.argument(NAMES)
            if mark in scripts:
                raise self.malformed("double superscript" if mark == "^" else "double subscript")
            scripts[mark] = script
        if not scripts:
            return base
        under, over = scripts.get("_"), scripts.get("^")
        names = ("munder", "mover", "munderover") if base.limits else ("msub", "msup", "msubsup")
        tag = names[2] if under is not None and over is not None else names[under is None]
        parts = [part for part in (under, over) if part is not None]
        for operator in (inner for part in parts for inner in part.iter("mo")):
            operator.attrib.update(lspace="0", rspace="0")  # script style has no spaces round signs
        return Atom(base.kind, element(tag, "", base.element, *parts), False, base.spaced)

    def argument(self, names: tuple[str, ...] = ()) -> Tree.Element:
        r"""A braced group, a letter, one digit (as TeX reads ``\frac12``), a sign, or a word of ``names``."""
        token = self.peek()
        if token == "{":
            return self.group()
        if token.isdigit() and len(token) > 1:
            self.tokens[self.place] = token[1:]
            return element("mn", token[0])
        ordinary = symbols.SIGNS.get(token[1:], ("", ""))[1] == ORD
        if not (token.isalnum() or token in ("+", "-", "*") or ordinary or token in names):
            raise self.malformed(f"expected an argument in braces, found {token or 'the end'!r}")
        return self.atom().element

    def group(self) -> Tree.Element:
        self.expect("{")
        atoms = self.row("}")
        self.expect("}")
        return joined(atoms)

    def atom(self) -> Atom:
        token = self.take()
        if token == "{":
            self.place -= 1
            inner = self.group()
            if inner.tag == "mo":  # {=} and 1{,}000: a sign made ordinary loses its spaces
                inner.attrib.update(lspace="0", rspace="0")
            return Atom(ORD, inner)
        if token[0].isdigit() and token.isascii():
            return Atom(ORD, element("mn", token))
        if token.isascii() and token.isalpha():
            return Atom(ORD, element("mi", token))
        if token in symbols.CHARACTERS:
            return sign(*symbols.CHARACTERS[token])
        if token == "~":
            return Atom(ORD, element("mspace", width="0.25em"))
        if token[0] != "\\":
            raise self.malformed(f"unexpected {token!r}") if token in "}&" else self.unsupported(token)
        if token in DANGLING:
            raise self.malformed(f"{token!r} without what it belongs to")
        return self.command(token[1:])

    def command(self, name: str) -> Atom:
        if name in symbols.SIGNS:
            return sign(*symbols.SIGNS[name], italic=name in symbols.GREEK)
        if name in symbols.BIG:
            return Atom(OP, element("mo", symbols.BIG[name]), limits=name != "int")
        if name in symbols.FUNCTIONS | symbols.LIMIT_FUNCTIONS:
            written = name.replace("lim", "lim\u2009") if name in ("limsup", "liminf") else name
            return function(written, name in symbols.LIMIT_FUNCTIONS)
        if name in symbols.SPACES:
            return Atom(ORD, element("mspace", width=symbols.SPACES[name]))
        if name in symbols.ACCENTS:
            stretchy = "true" if name in symbols.STRETCHING else "false"
            mark = element("mo", symbols.ACCENTS[name], stretchy=stretchy)
            return Atom(ORD, element("mover", "", self.argument(), mark, accent="true"))
        if name in symbols.BRACES:
            tag, mark = symbols.BRACES[name]
            braced = element(tag, "", self.argument(), element("mo", mark, stretchy="true"))
            return Atom(ORD, braced, limits=True)
        if name in symbols.SIZES:
            size, kind = symbols.SIZES[name]
            return Atom(kind, self.delimiter(stretchy="true", symmetric="true", minsize=size, maxsize=size))
        reader = getattr(self, f"read_{name.replace('*', '_star')}", None)
        if reader is None:
            raise self.unsupported("\\" + name)
        return reader()

    def delimiter(self, **attributes: str) -> Tree.Element:
        token = self.take()
        if token == ".":
            return element("mrow")
        fences = {"(": "(", ")": ")", "[": "[", "]": "]", "|": "|", "/": "/"}
        fences |= {"\\" + name: mark for name, mark in (symbols.OPENING | symbols.CLOSING | symbols.BARS).items()}
        if token not in fences:
            raise self.malformed(f"{token!r} is not a delimiter")
        return element("mo", fences[token], lspace="0", rspace="0", **attributes)

    def read_left(self) -> Atom:
        inside = [self.delimiter(stretchy="true", form="prefix")]
        inside.append(joined(self.row(r"\right", r"\middle")))
        while self.take() == r"\middle":
            inside.append(self.delimiter(stretchy="true"))
            inside.append(joined(self.row(r"\right", r"\middle")))
        inside.append(self.delimiter(stretchy="true", form="postfix"))
        return Atom(ORD, element("mrow", "", *inside))

    def read_frac(self, **style: str) -> Atom:
        top, bottom = self.argument(), self.argument()
        fraction = element("mfrac", "", top, bottom)
        return Atom(ORD, element("mstyle", "", fraction, **style) if style else fraction)

    def read_dfrac(self) -> Atom:
        return self.read_frac(displaystyle="true")

    def read_tfrac(self) -> Atom:
        return self.read_frac(displaystyle="false")

    def read_binom(self) -> Atom:
        top, bottom = self.argument(), self.argument()
        stack = element("mfrac", "", top, bottom, linethickness="0")
        return Atom(ORD, element("mrow", "", element("mo", "("), stack, element("mo", ")")))

    def read_sqrt(self) -> Atom:
        if self.peek() != "[":
            return Atom(ORD, element("msqrt", "", self.argument()))
        self.expect("[")
        index = joined(self.row("]"))
        self.expect("]")
        return Atom(ORD, element("mroot", "", self.argument(), index))

    def read_overset(self, tag: str = "mover") -> Atom:
        mark = self.argument()
        base = self.atom().element if self.peek() in symbols.CHARACTERS else self.argument()
        return Atom(REL if base.tag == "mo" else ORD, element(tag, "", base, mark))

    def read_underset(self) -> Atom:
        return self.read_overset("munder")

    def read_pmod(self) -> Atom:
        inner = self.argument()
        before, after = element("mspace", width="0.5em"), element("mspace", width="0.333em")
        opening, closing = element("mo", "(", form="prefix"), element("mo", ")", form="postfix")
        return Atom(ORD, element("mrow", "", before, opening, element("mi", "mod"), after, inner, closing))

    def read_text(self) -> Atom:
        words = self.take()
        if not PLAIN.fullmatch(words):
            raise self.unsupported(f"\\text{{{words}}}")
        edges = words.replace(" ", "\u00a0")  # MathML trims ordinary spaces
        return Atom(ORD, element("mtext", edges))

    def name(self, command: str) -> str:
        word = self.take()
        if not NAME.fullmatch(word):
            raise self.unsupported(f"\\{command}{{{word}}}")
        return word.replace(r"\,", "\u2009")

    def read_operatorname(self) -> Atom:
        return function(self.name("operatorname"), limits=False)

    def read_operatorname_star(self) -> Atom:
        return function(self.name("operatorname*"), limits=True)

    def read_mathrm(self) -> Atom:
        return upright(self.name("mathrm"))

    def alphabet(self, command: str) -> Atom:
        capital, small, zero = symbols.ALPHABETS[command]
        first = {True: lambda c: zero + ord(c) - ord("0"), False: lambda c: small + ord(c) - ord("a")}
        word = "".join(
            c if c == "\u2009" else chr(capital + ord(c) - ord("A")) if c.isupper() else chr(first[c.isdigit()](c))
            for c in self.name(command)
        )
        return upright(word)

    def read_mathbf(self) -> Atom:
        return self.alphabet("mathbf")

    def read_mathsf(self) -> Atom:
        return self.alphabet("mathsf")

    def read_mathtt(self) -> Atom:
        return self.alphabet("mathtt")

    def capitals(self, command: str, table: dict[str, str]) -> Atom:
        word = self.take()
        if not word or any(c not in table for c in word):
            raise self.unsupported(f"\\{command}{{{word}}}")  # TeX's fonts hold capitals only
        return upright("".join(table[c] for c in word))

    def read_mathcal(self) -> Atom:
        return self.capitals("mathcal", symbols.SCRIPT)

    def read_mathbb(self) -> Atom:
        return self.capitals("mathbb", symbols.DOUBLE)

    def rows(self, end: str, columns: int) -> list[list[list[Atom]]]:
        """Cells between ``&`` and ``\\\\`` up to ``end``, which is consumed; at most ``columns`` in a row."""
        lines: list[list[list[Atom]]] = [[]]
        while True:
            lines[-1].append(self.row(end, "&", r"\\"))
            stop = self.take()
            if stop == end:
                break
            if stop == r"\\":
                lines.append([])
        if max(map(len, lines)) > columns:
            raise self.malformed(f"a row has more than {columns} cells")
        return lines[:-1] if lines[-1] == [[]] and len(lines) > 1 else lines

    def read_substack(self) -> Atom:
        self.expect("{")
        return Atom(ORD, table(self.rows("}", 1), "stack", "c"))

    def read_begin(self) -> Atom:
        kind = self.take()
        if kind not in symbols.MATRICES:
            raise self.unsupported(f"\\begin{{{kind}}}")
        columns = {"cases": "ll", "aligned": "rl"}.get(kind, "c")
        if kind == "array":
            self.expect("{")
            columns = ""
            while self.peek() != "}":
                columns += self.take()
            self.expect("}")
            if not columns or set(columns) - set("lcr"):
                raise self.unsupported(f"\\begin{{array}}{{{columns}}}")
        most = {"cases": 2, "gathered": 1, "array": len(columns)}.get(kind, MAX_COLUMNS)
        grid = table(self.rows(r"\end", most), kind, columns)
        if self.take() != kind:
            raise self.malformed(f"\\begin{{{kind}}} is closed by another \\end")
        fences = zip(symbols.MATRICES[kind], ("prefix", "postfix"), strict=True)
        before, after = ([element("mo", mark, form=form)] if mark else [] for mark, form in fences)
        return Atom(ORD, element("mrow", "", *before, grid, *after) if before else grid)


# What is shown of one formula is kept: a transcript has the same few hundred formulas in every form, and in every copy.
remembered = lru_cache(maxsize=4096)


@remembered
def require(latex: str) -> None:
    """Raises UnsupportedMath or MalformedMath for what :func:`read` cannot read."""
    read(latex)


def read(latex: str) -> list[Atom]:
    """The formula as a row of atoms; raises UnsupportedMath or MalformedMath."""
    reader = Reader(latex)
    if not reader.tokens:
        raise MalformedMath("an empty formula", latex)
    return reader.row("")


@remembered
def mathml(latex: str, display: bool = False) -> str:
    r"""MathML of the formula; a long one in several ``<math>`` pieces that may break between them.

    Browsers never break inside ``<math>``; TeX breaks after relations of the outermost row, and so do we, also
    after commas there and inside long integers.
    A displayed formula has its sums and fractions in full size; centring it is the page's business.

    >>> mathml("x_1")
    '<math><msub><mi>x</mi><mn>1</mn></msub></math>'
    """
    atoms = read(latex)
    style = {"displaystyle": "true"} if display else {}
    pieces: list[list[Atom]] = [[]]
    for atom in atoms:
        digits = re.findall(f".{{1,{DIGITS}}}", atom.element.text or "") if atom.element.tag == "mn" else []
        for part in digits[:-1]:
            pieces[-1].append(Atom(ORD, element("mn", part)))
            pieces.append([])
        pieces[-1].append(Atom(ORD, element("mn", digits[-1])) if digits else atom)
        if len(atoms) > 8 and atom.kind in (REL, PUNCT):
            pieces.append([])
    if not pieces[-1]:
        pieces.pop()
    previous = ["", *(piece[-1].kind for piece in pieces)]
    maths = (element("math", "", *spaced(piece, kind), **style) for piece, kind in zip(pieces, previous, strict=False))
    return "<wbr>".join(Tree.tostring(math, encoding="unicode") for math in maths)
