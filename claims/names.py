"""Names, before anything is evaluated: what is not known is refused, with the nearest name that is."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from .errors import NotDefined, UnknownName, WrongArguments
from .facts import FACTS, Predicate
from .functions import FUNCTIONS, Function
from .restriction import MEASURES, is_hook
from .tree import Approx, Call, Compare, Defined, Fact, Name, Node, Quantified, Ranging, Restricted, Statement, Stored
from .vocabulary import NAMES

# What variables run over, and the other words that structure statements.
RANGES = ("tokens", "positions")
KEYWORDS = frozenset({"for", "all", "in", "and", "or", "not", "but", "exists", *RANGES})

# So many names are told where none is near.
MOST_TOLD = 40
# Functions and facts about what a network does on a sequence.
OF_SEQUENCES = ("correct", "logits")


def free(nodes: Sequence[Node]) -> Iterator[Name]:
    """The names in these nodes, in order, that have no meaning of their own."""
    for node in nodes:
        if isinstance(node, Name):
            if node.name not in NAMES and node.name not in RANGES:
                yield node
        else:
            yield from free(list(node.nodes()))


def variables(node: Node) -> Iterator[str]:
    """The variables of all quantifiers in a node."""
    if isinstance(node, Quantified):
        yield from (name.name for name in free(node.binders))
        yield from (binder.name for binder in node.binders if isinstance(binder, Ranging))
        yield from variables(node.body)
    else:
        for inner in node.nodes():
            yield from variables(inner)


def on_tensors(statement: Statement, stored: Collection[str]) -> Statement:
    """The statement with :class:`~.tree.Stored` in place of the names of stored tensors.

    Raises UnknownName for one that is neither stored nor a word of the language, and NotDefined for a definition that
    hides a stored tensor.
    """
    found = _on_tensors(statement, frozenset(stored))
    known = NAMES | frozenset(RANGES) | frozenset(variables(found))
    for name, column in _written(found):
        if isinstance(name, Name) and name.name not in known:
            others = ([*stored], [*NAMES], [*FUNCTIONS, *FACTS])
            ending = stored_as(name.name, stored)
            near = f"the nearest known name is {ending!r}" if ending else _nearest(name.name, *others)
            raise UnknownName(column, name.name, near)
    return found


def stored_as(name: str, stored: Collection[str]) -> str | None:
    """The first stored name whose last parts are this one, if there is any."""
    return next((known for known in sorted(stored) if known.lower().endswith(f".{name.lower()}")), None)


def _on_tensors(node: Any, stored: frozenset[str]) -> Any:
    if isinstance(node, tuple):
        return tuple(_on_tensors(item, stored) for item in node)
    if isinstance(node, Name) and node.name in stored:
        return Stored(node.name, column=node.column)
    if isinstance(node, Defined) and node.name in stored:
        raise NotDefined(node.column, f"the definition of {node.name} hides the stored tensor of this name")
    if not isinstance(node, Node) or isinstance(node, Restricted):
        return node
    return replace(node, **{f.name: _on_tensors(getattr(node, f.name), stored) for f in fields(node) if f.init})


def tensors_in(statement: Statement) -> frozenset[str]:
    """The stored tensors that a statement names."""
    return frozenset(node.name for node, _ in _written(statement) if isinstance(node, Stored))


def network_word(statement: Statement) -> str | None:
    """The first word in a statement that means nothing without a network."""
    for node, _ in _written(statement):
        if isinstance(node, Name) and (node.name in NAMES or node.name in RANGES):
            return node.name
        if isinstance(node, Call) and (node.function in OF_SEQUENCES or is_hook(node.function)):
            return node.function
        if isinstance(node, Restricted):
            return node.name
    return None


def of_any_network(statement: Statement) -> bool:
    """Whether a statement has words that path tables do not give a meaning, and every network does."""
    return any(
        isinstance(node, Restricted)
        or (isinstance(node, Name) and node.name in MEASURES and node.name not in ("accuracy", "loss"))
        or (isinstance(node, Call) and is_hook(node.function))
        for node, _ in _written(statement)
    )


def _written(node: Node, column: int | None = None) -> Iterator[tuple[Node, int]]:
    """All nodes, abbreviations spelled out, each with the column in the text of the statement itself."""
    here = node.column if column is None else column
    yield node, here
    if isinstance(node, Restricted):
        return
    for inner in node.nodes():
        yield from _written(inner, here if isinstance(node, Defined) else column)


def check(node: Node, bound: frozenset[str] = frozenset()) -> None:
    """Raise a StatementError for unknown names and functions, and for a wrong number of arguments."""
    match node:
        case Quantified(binders=binders, body=body):
            ranging = [binder.name for binder in binders if isinstance(binder, Ranging)]
            variables = [name.name for name in free(binders)] + ranging
            for name in KEYWORDS & frozenset(variables):
                raise NotDefined(binders[0].column, f"{name} is a word of the language and cannot be a variable")
            for binder in binders:
                lone = binder.parts[0] if isinstance(binder, Compare) and not binder.operators else None
                name = binder.name if isinstance(binder, Ranging) else str(lone)
                if name in NAMES | bound or (lone is not None and not isinstance(lone, Name)):
                    raise NotDefined(binder.column, f"{name} already has a meaning and cannot be a variable")
            if len(set(ranging)) < len(ranging):
                raise NotDefined(binders[0].column, "a variable can only have one range")
            if bound.issuperset(variables):
                raise NotDefined(binders[0].column, "a quantifier needs a variable of its own")
            for binder in binders:
                _check_binder(binder, bound, bound | frozenset(variables))
            check(body, bound | frozenset(variables))
        case Name(name):
            if name not in bound and name not in NAMES:
                raise UnknownName(node.column, name, _nearest(name, [*NAMES, *bound], [*FUNCTIONS, *FACTS]))
        case Fact(call):
            _check_call(call, FACTS, FUNCTIONS, "true or false", bound)
        case Call(function) if is_hook(function):
            for argument in node.arguments:
                check(argument, bound)
        case Restricted():
            pass  # its condition is about inputs, and means something once these are known
        case Call():
            _check_call(node, FUNCTIONS, FACTS, "a value", bound)
        case Defined(_, body):
            check(body)  # variables of a quantifier are not captured
        case Approx(_, target) if target.unit is None:
            raise NotDefined(target.column, "≈ needs a decimal number, whose last digit says how close")
        case _:
            for inner in node.nodes():
                check(inner, bound)
    if isinstance(node, Approx):
        check(node.left, bound)


def _check_binder(binder: Node, outside: frozenset[str], inside: frozenset[str]) -> None:
    """The ends of a range are known before the variables are; conditions are about them."""
    if not isinstance(binder, Ranging):
        check(binder, inside)
    elif not (binder.last is None and isinstance(binder.first, Name) and binder.first.name in RANGES):
        for end in binder.nodes():
            check(end, outside)


def _check_call(
    call: Call,
    known: Mapping[str, Function | Predicate],
    others: Mapping[str, Function | Predicate],
    kind: str,
    bound: frozenset[str],
) -> None:
    if call.function in others:
        raise NotDefined(call.column, f"{call.function} is not {kind}, so it cannot stand here")
    if call.function not in known:
        raise UnknownName(call.column, call.function, _nearest(call.function, list(known), list(NAMES)))
    function = known[call.function]
    found = len(call.arguments)
    if found != function.count and (function.count is not None or found == 0):
        raise WrongArguments(call.column, call.function, function.arguments, f"{found} arguments")
    for argument in call.arguments:
        check(argument, bound)


def _nearest(name: str, *known: Sequence[str]) -> str:
    """The nearest known name: of the right kind if one is near, else of any."""
    for candidates in known:
        folded = {candidate.lower(): candidate for candidate in sorted(candidates)}
        close = difflib.get_close_matches(name.lower(), folded, 3)
        if close:
            same_letters = [candidate for candidate in close if sorted(candidate) == sorted(name.lower())]
            return f"the nearest known name is {folded[[*same_letters, *close][0]]!r}"
    told = sorted(known[0])
    more = f" and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
    return f"known are {', '.join(told[:MOST_TOLD])}{more}"
