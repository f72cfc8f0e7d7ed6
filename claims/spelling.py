"""What a statement as an author spells it means in the core of the language.

The core (:mod:`.functions`) is what the evaluator and the checker know: matrices, with rows and columns.  Authors write
numpy, torch and TransformerLens: methods, ``axis=``, vectors of one axis, comparisons as values.  Here every such
spelling becomes core, by :mod:`.words`.

**Vectors.**  numpy's arrays of one axis are neither rows nor columns.  What has one axis (``A[i]``, ``A[:, j]``,
``A.max(1)``, ``diag(A)``, a stored bias) is remembered as such, with the way it is laid out in the core; two of them
meet entry by entry, and ``@`` between them is the sum of products.  What the language itself calls a row or a column
(``row_max(A)``, ``A[:, 0:1]``, ``A.T`` of a vector) is a matrix and stretches.

**Readings.**  Where a spelling means one thing to one reader and another to another (``std`` divides by n or by n - 1)
there are two readings.  A statement is only settled if all of them settle it alike.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from functools import cache

from .errors import NotDefined, UnknownName, WrongArguments
from .facts import FACTS
from .functions import FUNCTIONS
from .kind import COLUMN, GIVES, LYING, MATRIX, NUMBER, ROW, STANDING, Kind, Kinds, Known, Valued
from .reductions import along
from .restriction import is_hook
from .special_words import SPECIAL
from .syntax import parse_expression, put_in, ranging
from .tree import (
    AllBut,
    Approx,
    Attribute,
    Binary,
    Both,
    Call,
    Compare,
    Comprehension,
    Defined,
    Either,
    Exists,
    Expression,
    Fact,
    ForAll,
    Index,
    Keyword,
    Member,
    Name,
    Negate,
    Negation,
    Number,
    Power,
    Quantified,
    Ranging,
    Restricted,
    SetRelation,
    Statement,
    Stored,
    Subscript,
    Truth,
    Within,
    whole,
)
from .words import ALIASES, BY_ROWS, DERIVED, MODULES, NOTHING, REDUCTIONS

MAX_LISTED = 256
MAX_READINGS = 16


def readings(statement: Statement, kinds: Kinds) -> list[tuple[str, Statement]]:
    """The statement in the core: once, or for each of its readings, which the texts tell apart.

    Several words with two readings each are read in every combination; raises NotDefined for more than MAX_READINGS.
    """
    found = list(itertools.islice(_readings(statement, kinds, {}), MAX_READINGS + 1))
    if len(found) > MAX_READINGS:
        raise NotDefined(statement.column, f"this has more than {MAX_READINGS} readings; write which ones are meant")
    return found


def _readings(statement: Statement, kinds: Kinds, choice: Mapping[str, int]) -> Iterator[tuple[str, Statement]]:
    """All readings in which these choices are made."""
    spelling = Spelling(kinds, choice)
    meant = spelling.statement(statement)
    key = next((key for key in spelling.met if key not in choice), None)
    if key is None:
        yield " and ".join(told[choice[met]] for met, told in spelling.met.items()), meant
        return
    for chosen in range(len(spelling.met[key])):
        yield from _readings(statement, kinds, {**choice, key: chosen})


def core(statement: Statement, kinds: Kinds) -> Statement:
    """The first reading."""
    return Spelling(kinds).statement(statement)


@dataclass
class Spelling:
    """``choice``: which reading to take, by what is ambiguous; ``met``: what was, and what tells its readings apart."""

    kinds: Kinds
    choice: Mapping[str, int] = field(default_factory=dict)
    met: dict[str, tuple[str, ...]] = field(default_factory=dict)
    bound: frozenset[str] = frozenset()

    def choose(self, key: str, *told: str) -> int:
        self.met.setdefault(key, told)
        return self.choice.get(key, 0)

    # Statements

    def statement(self, node: Statement) -> Statement:
        match node:
            case Compare(parts, operators) if operators:
                sides = self.aligned([self.value(part) for part in parts])
                return Compare(tuple(side for side, _ in sides), operators, column=node.column)
            case Compare((part,)):
                return replace(node, parts=(self.value(part)[0],))
            case Within(inner, low, high):
                sides = self.aligned([self.value(part) for part in (low, inner, high)])
                return Within(sides[1][0], sides[0][0], sides[2][0], column=node.column)
            case Approx(left):
                return replace(node, left=self.value(left)[0])
            case Negation(inner):
                return Negation(self.statement(inner), column=node.column)
            case Both(left, right) | Either(left, right):
                return type(node)(self.statement(left), self.statement(right), column=node.column)
            case ForAll(binders, body) | Exists(binders, body) | AllBut(binders, body):
                return self._quantified(node, binders, body)
            case Fact(call):
                return self._fact(node, call)
            case SetRelation() | Member():
                return node
        raise AssertionError(f"no meaning for {type(node).__name__}")

    def _quantified(self, node: Quantified, binders: Sequence[Ranging | Compare], body: Statement) -> Statement:
        inside = replace(self, bound=self.bound | _names_bound(binders, self))
        kept = tuple(inside._binder(binder) for binder in binders)
        return replace(node, binders=kept, body=inside.statement(body))

    def _binder(self, binder: Ranging | Compare) -> Ranging | Compare:
        if isinstance(binder, Compare):
            return replace(binder, parts=tuple(self.value(part)[0] for part in binder.parts))
        last = None if binder.last is None else self.value(binder.last)[0]
        return replace(binder, first=self.value(binder.first)[0], last=last)

    def _fact(self, node: Fact, call: Call) -> Statement:
        torch = call.function.startswith("torch.")
        word, call = self.word(call)
        if word in ("all", "any") and len(call.arguments) == 1 and not call.keywords:
            (inner,) = call.arguments
            if isinstance(inner, Comprehension):
                return self._loop(inner, word)
            if word == "all" and isinstance(inner, Truth) and _entrywise(inner.statement):
                return self.statement(inner.statement)
        if word == "is_decreasing" and len(call.arguments) == 1:
            value, _ = self.value(call.arguments[0])
            return Fact(Call("is_increasing", (Negate(value),), column=call.column), column=node.column)
        if word == "is_symmetric":
            value, _ = self.value(replace(call, function=word))
            return Compare((value, whole(0)), ("=",), column=node.column)
        if word == "allclose":
            return self._allclose(node, call)
        if word in FACTS:
            values = tuple(self.value(argument)[0] for argument in call.arguments)
            return Fact(Call(word, values, column=call.column), column=node.column)
        if word == "isclose" and call.arguments and not any(self.value(side)[1].axes for side in call.arguments):
            return self._allclose(node, call)
        if word == "array_equal" or (word == "equal" and torch):
            if len(call.arguments) != 2:
                raise WrongArguments(call.column, word, "two matrices", f"{len(call.arguments)} arguments")
            return self.statement(Compare(call.arguments, ("=",), column=node.column))
        value, kind = self.value(call)
        if not kind.truth:
            raise NotDefined(call.column, f"{call.function} is not true or false, so it cannot stand here")
        if kind.axes:
            raise NotDefined(call.column, f"{call} is true or false for each entry; write all(…) or any(…)")
        return Compare((value, whole(1)), ("=",), column=node.column)

    def _allclose(self, node: Fact, call: Call) -> Statement:
        given = {keyword.name: keyword.value for keyword in call.keywords}
        apart = given.get("atol", Number(Fraction(1, 10**8), None, "1e-8"))
        share = given.get("rtol", Number(Fraction(1, 10**5), None, "1e-5"))
        if len(call.arguments) != 2:
            raise WrongArguments(call.column, "allclose", "two matrices", f"{len(call.arguments)} arguments")
        a, b = (Known(*self.value(argument)) for argument in call.arguments)
        left = Call("abs", (Binary("-", a, b),))
        right = Binary("+", apart, Binary("*", share, Call("abs", (b,))))
        return self.statement(Compare((left, right), ("<=",), column=node.column))

    def _loop(self, inner: Comprehension, word: str) -> Statement:
        """all(… for a in range(n) if …) as a quantifier."""
        binders: list[Ranging | Compare] = [
            ranging(name, over, None, inner.column) for name, over in zip(inner.variables, inner.ranges, strict=True)
        ]
        if inner.condition is not None:
            binders += _conditions(inner.condition)
        body = inner.body.statement if isinstance(inner.body, Truth) else inner.body
        if isinstance(body, Call):
            body = Fact(body, column=body.column)
        if not isinstance(body, Statement):
            raise NotDefined(inner.column, f"{body} is not true or false, so {word}(…) cannot be of it")
        kind = ForAll if word == "all" else Exists
        return self.statement(kind(tuple(binders), body, column=inner.column))

    # Values

    def value(self, node: Expression) -> Valued:
        """What an expression is in the core, and its kind."""
        match node:
            case Known(value, kind):
                return value, kind
            case Number():
                return node, NUMBER
            case Name():
                return self._name(node)
            case Stored(name):
                return node, self.kinds(name) or MATRIX
            case Defined(name, body):
                inside, kind = self.value(body)
                return Defined(name, inside, column=node.column), kind
            case Negate(body):
                inside, kind = self.value(body)
                return Negate(inside, column=node.column), kind._replace(truth=False)
            case Binary(operator, left, right):
                return self._binary(node, operator, self.value(left), self.value(right))
            case Power():
                return self._power(node)
            case Index():
                return self._index(node)
            case Attribute():
                return self._attribute(node)
            case Truth(statement):
                return self._indicator(statement)
            case Restricted():
                return node, NUMBER
            case Call():
                return self._call(node)
            case Comprehension():
                raise NotDefined(
                    node.column, "'for' stands in all(…) and any(…), or in a list of a list: [f(W) for W in [A, B]]"
                )
        raise AssertionError(f"no value for {type(node).__name__}")

    def _name(self, node: Name) -> Valued:
        kind = NUMBER if node.name in self.bound else self.kinds(node.name)
        if kind is None:
            spelled = self._attributed(node)
            return self._attribute(spelled) if isinstance(spelled, Attribute) else (node, MATRIX)
        return node, kind

    def turned(self, value: Expression, column: int) -> Expression:
        if isinstance(value, Call) and value.function == "transpose":
            return value.arguments[0]
        return Call("transpose", (value,), column=column)

    def lying(self, given: Valued) -> Valued:
        """A vector as a row."""
        value, kind = given
        if kind.axes == 1 and kind.layout == "column":
            return self.turned(value, value.column), kind._replace(layout="row")
        return given

    def aligned(self, given: Sequence[Valued]) -> list[Valued]:
        """Values that meet entry by entry: vectors laid out alike, and next to a matrix as is meant."""
        vectors = [item for item in given if item[1].axes == 1]
        matrices = [kind for _, kind in given if kind.axes == 2]
        if not vectors:
            return list(given)
        if not matrices:
            alike = len({kind.layout for _, kind in vectors}) == 1
            return list(given) if alike else [self.lying(item) for item in given]
        return [self._beside(item, matrices) if item[1].axes == 1 else item for item in given]

    def _beside(self, vector: Valued, matrices: Sequence[Kind]) -> Valued:
        """A vector next to a matrix: numpy takes it as a row, whatever it was taken from."""
        value, kind = vector
        layouts = {matrix.layout for matrix in matrices}
        if kind.layout in layouts:
            return vector
        if kind.layout == "row" and "column" not in layouts:
            return vector
        rows, columns = f"{value} as a row next to each row", f"{value} as a column next to each column"
        told = (columns, rows) if kind.layout == "column" else (rows, columns)
        if self.choose(str(value), *told) == 0:
            return vector
        return self.turned(value, value.column), kind._replace(layout="row" if kind.layout == "column" else "column")

    def _binary(self, node: Binary, operator: str, left: Valued, right: Valued) -> Valued:
        if operator == "@":
            return self._product(node, left, right)
        (a, ka), (b, kb) = self.aligned([left, right])
        kind = _of_both(ka, kb)
        truth = operator == "*" and ka.truth and kb.truth
        return Binary(operator, a, b, column=node.column), kind._replace(truth=truth)

    def _product(self, node: Binary, left: Valued, right: Valued) -> Valued:
        """The matrix product; of two vectors the sum of products."""
        (a, ka), (b, kb) = left, right
        kind = MATRIX
        if ka.axes == kb.axes == 1:
            outer = ka.layout == "column" and kb.layout == "row"
            told = (
                f"the sum of the products of the entries of {a} and {b}",
                f"the matrix of all products of entries of {a} and {b}",
            )
            if outer and self.choose(str(node), *told):
                return Binary("@", a, b, column=node.column), MATRIX
            (a, _), kind = self.lying(left), NUMBER
            if kb.layout == "row":
                b = self.turned(b, node.column)
        elif ka.axes == 1:
            (a, _), kind = self.lying(left), LYING
        elif kb.axes == 1:
            if kb.layout == "row" and ka.layout != "column":
                b = self.turned(b, node.column)
            kind = STANDING if ka.layout != "row" else NUMBER
        elif ka.axes == kb.axes == 2:
            kind = NUMBER if (ka.layout, kb.layout) == ("row", "column") else ROW if ka.layout == "row" else MATRIX
            kind = COLUMN if kb.layout == "column" and ka.layout != "row" else kind
        return Binary("@", a, b, column=node.column), kind

    def _power(self, node: Power) -> Valued:
        base, kind = self.value(node.base)
        if kind.axes == 2 and not kind.layout and node.exponent > 1:
            told = f"the power of each entry of {base}", f"the matrix product of {base} with itself"
            if self.choose(str(node), *told):
                result = base
                for _ in range(min(node.exponent, 9) - 1):
                    result = Binary("@", result, base, column=node.column)
                return result, kind
        return Power(base, node.exponent, column=node.column), kind._replace(truth=False)

    def _attributed(self, node: Expression) -> Expression:
        """``W_E.shape`` is one name to the parser, as names of tensors have dots."""
        if isinstance(node, Name) and self.kinds(node.name) is None and node.name not in self.bound:
            first, dot, last = node.name.rpartition(".")
            if dot and self.kinds(first) is not None:
                return Attribute(Name(first, column=node.column), last, column=node.column)
        return node

    def _index(self, node: Index) -> Valued:
        inner = self._attributed(node.matrix)
        if isinstance(inner, Attribute) and inner.name == "shape":
            which = {"0": "rows", "1": "columns", "-1": "columns", "-2": "rows"}.get(
                ", ".join(map(str, node.subscripts))
            )
            if which is None:
                raise NotDefined(node.column, f"expected {inner}[0] or {inner}[1]")
            return self.made(f"{which}(A)", node.column, A=inner.body)
        if isinstance(node.matrix, Call) and self.word(node.matrix)[0] == "svd":
            parts = {"0": "U", "1": "S"}
            which = ", ".join(map(str, node.subscripts))
            if which not in parts:
                raise NotDefined(node.column, "write svd(A).V for singular vectors as columns, svd(A).Vh for rows")
            return self._attribute(Attribute(node.matrix, parts[which], column=node.column))
        base, kind = self.value(node.matrix)
        subscripts = [self._subscript(subscript) for subscript in node.subscripts]
        if isinstance(base, Call) and is_hook(base.function):  # which may have three axes
            slices = sum(not subscript.single for subscript in subscripts)
            kind = MATRIX if slices > 1 else NUMBER if len(subscripts) > 2 and not slices else LYING
            return Index(base, tuple(subscripts), column=node.column), kind
        new = [place for place, s in enumerate(subscripts) if _is_none(s)]
        if new:
            return self._new_axis(node, base, kind, [place == new[0] for place in range(len(subscripts))])
        if kind.axes > 2:
            used = min(len(subscripts), kind.axes - 2)
            rest = subscripts[used:]
            left = Kind(max(2, kind.axes - used))
            return Index(base, tuple(subscripts), column=node.column), (_taken(left, rest) if rest else left)
        if kind.axes == 1 and len(subscripts) == 1:
            (one,) = subscripts
            every = Subscript(None, None, False)
            at = (one,) if kind.layout == "column" else (every, one)
            if one.single:
                zero = Subscript(whole(0), None, True)
                at = (one, zero) if kind.layout == "column" else (zero, one)
                if (
                    isinstance(base, Index)
                    and kind.layout == "row"
                    and len(base.subscripts) == 1
                    and base.subscripts[0].single
                ):
                    return Index(base.matrix, (base.subscripts[0], one), column=node.column), NUMBER  # A[i][j]
                return Index(base, at, column=node.column), NUMBER._replace(truth=kind.truth)
            return Index(base, at, column=node.column), kind
        return Index(base, tuple(subscripts), column=node.column), _taken(kind, subscripts)

    def _subscript(self, subscript: Subscript) -> Subscript:
        if _is_none(subscript):
            return subscript
        first, last = (None if end is None else self.value(end)[0] for end in (subscript.first, subscript.last))
        return replace(subscript, first=first, last=last)

    def _new_axis(self, node: Index, base: Expression, kind: Kind, new: Sequence[bool]) -> Valued:
        """v[:, None] is a column, v[None, :] a row."""
        if kind.axes != 1 or len(new) > 2:
            raise NotDefined(node.column, "an index None stands beside ':' behind a vector")
        layout = "row" if new[0] else "column"
        return (base if kind.layout == layout else self.turned(base, node.column)), Kind(2, layout, kind.truth)

    def _attribute(self, node: Attribute) -> Valued:
        if node.name in ("T", "mT"):
            return self._call(Call("transpose", (node.body,), column=node.column))
        body = node.body
        if isinstance(body, Defined):
            body = body.body
        if isinstance(body, Call):
            word, call = self.word(body)
            if word == "svd" and len(call.arguments) == 1:
                return self._svd(node, call.arguments[0])
            if node.name == "values" and word in ("max", "min", "sort") and (call.keywords or call.arguments[1:]):
                return self.value(node.body)
            if word in ("eigvals", "eig") and len(call.arguments) == 1:
                known = {"real": "eigenvalue_reals", "imag": "eigenvalue_imaginaries", "eigenvalues": ""}
                if known.get(node.name):
                    return self.made(f"{known[node.name]}(A)", node.column, A=call.arguments[0])[0], LYING
        if node.name == "real":
            return self.value(node.body)
        if node.name == "shape":
            raise NotDefined(node.column, f"write rows({node.body}) or columns({node.body})")
        if node.name in ("size",):
            return self.made("size(A)", node.column, A=node.body)
        near = _nearest(node.name, ["T", "S", "U", "V", "Vh", "real", "size"])
        raise UnknownName(node.column, f".{node.name}", near)

    def _svd(self, node: Attribute, matrix: Expression) -> Valued:
        texts = {
            "S": ("singular_values(A)", LYING),
            "U": ("left_singular_vectors(A)", MATRIX),
            "V": ("right_singular_vectors(A)", MATRIX),
            "Vh": ("right_singular_vectors(A).T", MATRIX),
            "Vt": ("right_singular_vectors(A).T", MATRIX),
        }
        if node.name not in texts:
            raise UnknownName(node.column, f"svd(…).{node.name}", "known are S, U, V, Vh")
        text, kind = texts[node.name]
        return self.made(text, node.column, A=matrix)[0], kind

    def _indicator(self, statement: Statement) -> Valued:
        """1 or 0 for every entry."""
        match statement:
            case Compare(parts, operators) if operators:
                sides = self.aligned([self.value(part) for part in parts])
                found: Valued | None = None
                for left, operator, right in zip(sides, operators, sides[1:], strict=False):
                    one = self._compared(left, operator, right, statement.column)
                    found = one if found is None else self._times(found, one)
                assert found is not None
                return found
            case Within(inner, low, high):
                return self._indicator(Compare((low, inner, high), ("<=", "<="), column=statement.column))
            case Negation(inner):
                value, kind = self._indicator(inner)
                return Binary("-", whole(1), value, column=statement.column), kind
            case Both(left, right):
                return self._times(self._indicator(left), self._indicator(right))
            case Either(left, right):
                (a, ka), (b, kb) = self.aligned([self._indicator(left), self._indicator(right)])
                found_kind = _of_both(ka, kb)._replace(truth=True)
                return Call("maximum", (a, b), column=statement.column), found_kind
            case Fact(call):
                word, spelled = self.word(call)
                if word in ("all", "any"):
                    value, kind = self.value(spelled)
                    if kind.truth:
                        return value, kind
        raise NotDefined(statement.column, f"{statement} is not true or false entry by entry, so it is no value")

    def _times(self, left: Valued, right: Valued) -> Valued:
        (a, ka), (b, kb) = self.aligned([left, right])
        return Binary("*", a, b, column=a.column), _of_both(ka, kb)._replace(truth=True)

    def _compared(self, left: Valued, operator: str, right: Valued, column: int) -> Valued:
        (a, ka), (b, kb) = left, right
        kind = _of_both(ka, kb)._replace(truth=True)
        functions = {"<": ("less", a, b), ">": ("less", b, a), "<=": ("less_equal", a, b), ">=": ("less_equal", b, a)}
        if operator in functions:
            function, first, second = functions[operator]
            return Call(function, (first, second), column=column), kind
        same = Call("equal", (a, b), column=column)
        return (same if operator == "=" else Binary("-", whole(1), same, column=column)), kind

    # Calls

    def word(self, call: Call) -> tuple[str, Call]:
        """The word that a call spells, without modules before it, and the object of a method among its arguments."""
        *before, last = call.function.split(".")
        if before and not call.method:
            first = ".".join(before)
            if not MODULES.issuperset(before) or self.kinds(first) is not None:
                body = Name(first, column=call.column)
                call = replace(call, function=last, arguments=(body, *call.arguments), method=True)
        if last in FUNCTIONS or last in FACTS or last in _derived():
            return last, call
        small = last.lower()
        known = small in FUNCTIONS or small in _derived() or small in REDUCTIONS
        return ALIASES.get(last) or ALIASES.get(small) or (small if known else last), call

    def _call(self, node: Call) -> Valued:
        if is_hook(node.function):
            values = tuple(self.value(argument)[0] for argument in node.arguments)
            return replace(node, arguments=values), MATRIX
        word, call = self.word(node)
        torch = node.function.startswith("torch.")
        if word in NOTHING and len(call.arguments) == 1:
            return self.value(call.arguments[0])
        special = SPECIAL.get(word)
        found = None if special is None else special(self, call, torch)
        if found is not None:
            return found
        if word in REDUCTIONS or word in BY_ROWS:
            return along(self, word, call, torch)
        derived = _derived().get(word)
        if derived is not None and word not in FUNCTIONS:
            parameters, text = derived
            self.exactly(call, word, len(parameters))
            return self.made(text, node.column, **dict(zip(parameters, call.arguments, strict=True)))
        return self.core(word, call)

    def core(self, word: str, call: Call) -> Valued:
        """A function of the core, or what :func:`.names.check` refuses."""
        if call.keywords and word in FUNCTIONS:
            raise WrongArguments(call.column, word, FUNCTIONS[word].arguments, str(call.keywords[0]))
        if word not in FUNCTIONS and word not in FACTS:
            known = [*FUNCTIONS, *FACTS, *ALIASES, *_derived(), *REDUCTIONS, *BY_ROWS]
            raise UnknownName(call.column, call.function.rpartition(".")[2], _nearest(word, known))
        values = [self.value(argument) for argument in call.arguments]
        if word in ("maximum", "minimum", "less", "less_equal", "equal") and len(values) == 2:
            values = self.aligned(values)
        if word in ("row", "is_increasing", "row_softmax", "row_sort", "row_diff", "row_cumsum"):
            values = [self.lying(item) for item in values]
        result = Call(word, tuple(value for value, _ in values), column=call.column)
        if word not in FUNCTIONS:
            return result, NUMBER
        return result, self._given(word, [kind for _, kind in values])

    def _given(self, word: str, kinds: Sequence[Kind]) -> Kind:
        gives = FUNCTIONS[word].gives
        if gives == "same":
            return kinds[0]._replace(truth=False) if kinds else NUMBER
        if gives == "both":
            kind = kinds[0]
            for other in kinds[1:]:
                kind = _of_both(kind, other)
            return kind._replace(truth=word in ("less", "less_equal", "equal"))
        if word == "transpose":
            kind = kinds[0] if kinds else MATRIX
            flipped = {"row": "column", "column": "row"}.get(kind.layout, "")
            return Kind(2 if kind.axes else 0, flipped, kind.truth)
        truth = word in ("max", "min", "row_max", "row_min") and bool(kinds) and kinds[0].truth
        return GIVES[gives]._replace(truth=truth)

    def made(self, text: str, column: int, **values: Expression) -> Valued:
        """The value of a text of the language, of these values."""
        known = {name: Known(*self.value(value)) for name, value in values.items()}
        return self.value(_at_column(put_in(_parsed(text), known, named=False), column))

    def exactly(self, call: Call, word: str, count: int) -> None:
        if len(call.arguments) != count or call.keywords:
            found = str(call.keywords[0]) if call.keywords else f"{len(call.arguments)} arguments"
            raise WrongArguments(call.column, word, f"{count} argument{'s' * (count > 1)}", found)


def _names_bound(binders: Sequence[Ranging | Compare], spelling: Spelling) -> frozenset[str]:
    from .names import free

    ranging = {binder.name for binder in binders if isinstance(binder, Ranging)}
    return frozenset(ranging | {name.name for name in free(binders) if spelling.kinds(name.name) is None})


def _conditions(statement: Statement) -> list[Compare]:
    if isinstance(statement, Both):
        return [*_conditions(statement.left), *_conditions(statement.right)]
    if isinstance(statement, Compare):
        return [statement]
    raise NotDefined(statement.column, "expected comparisons joined by 'and' after 'if'")


def _entrywise(statement: Statement) -> bool:
    """Whether a statement means that it is true of every entry."""
    return isinstance(statement, Compare | Within | Approx) or (
        isinstance(statement, Both) and _entrywise(statement.left) and _entrywise(statement.right)
    )


def _of_both(a: Kind, b: Kind) -> Kind:
    """What two aligned values are together."""
    if a.axes == 0 or b.axes == 0:
        return (b if a.axes == 0 else a)._replace(truth=False)
    if a.axes == b.axes:
        return Kind(a.axes, a.layout if a.layout == b.layout else "")
    return Kind(2, "" if a.layout != b.layout else a.layout)


def _taken(kind: Kind, subscripts: Sequence[Subscript]) -> Kind:
    """The kind of a part of a matrix."""
    if kind.axes == 0:
        return kind
    if len(subscripts) == 1:
        if not subscripts[0].single:
            return kind
        return NUMBER if kind.layout == "column" else LYING._replace(truth=kind.truth)
    first, second = subscripts[0].single, subscripts[1].single
    if first and second:
        return NUMBER
    if first or second:
        return (LYING if first else STANDING)._replace(truth=kind.truth)
    return kind._replace(axes=2)


def _is_none(subscript: Subscript) -> bool:
    return subscript.single and isinstance(subscript.first, Name) and subscript.first.name in ("None", "np.newaxis")


def _nearest(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name.lower(), {one.lower(): one for one in known}, 1)
    if close:
        return f"the nearest known name is {next(one for one in known if one.lower() == close[0])!r}"
    return "no known name is near; docs/claims.md lists them"


@cache
def _derived() -> dict[str, tuple[tuple[str, ...], str]]:
    """The parameters and the text of each derived word."""
    found = {}
    for head, text in DERIVED.items():
        name, _, parameters = head.rstrip(")").partition("(")
        found[name] = tuple(part.strip() for part in parameters.split(",")), text
    return found


@cache
def _parsed(text: str) -> Expression:
    return parse_expression(text)


def _at_column(node: Expression, column: int) -> Expression:
    """All nodes of a text of the language itself are where the word stands that it explains."""

    def moved(inner: object) -> object:
        if isinstance(inner, tuple):
            return tuple(map(moved, inner))
        if isinstance(inner, Known) or not isinstance(inner, Expression | Subscript | Keyword):
            return inner
        changed = {f.name: moved(getattr(inner, f.name)) for f in fields(inner) if f.init and f.name != "column"}
        return replace(inner, column=column, **changed)  # type: ignore[type-var]

    return moved(node)  # type: ignore[return-value]
