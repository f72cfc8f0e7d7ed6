"""The strategies as a reader chooses among them: every name that works, with what it gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from .float_proof import STRATEGIES
from .strategies import DEFAULT, default_variant, general_names, names, parts, strategy, tightenings, variants
from .strategies import networks as network_strategies

INDENT = "    "


@dataclass(frozen=True)
class Entry:
    """One name; ``float_runs``: whether it proves theorems about float runs too; ``off``: tightenings to switch off."""

    name: str
    gives: str
    float_runs: bool
    off: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def entries() -> list[Entry]:
    """Every strategy, those for any network first, and after a family every configuration of it."""
    found = [Entry(name, network_strategies.strategy(name).SUMMARY, False, ()) for name in general_names()]
    for name in names():
        off = tuple(tightenings(name))
        found.append(Entry(name, f"{strategy(name).SUMMARY}{_stands_for(name)}", name in STRATEGIES, off))
        found += [Entry(f"{name}/{variant}", _words(name, variant), False, off) for variant in variants(name)]
    return found


def families() -> Iterator[str]:
    """The same for people: configurations by the words that their names are made of."""
    yield "For any network:"
    yield ""
    for name in general_names():
        yield f"{name}{' (default)' if name == network_strategies.DEFAULT else ''}"
        yield f"{INDENT}{network_strategies.strategy(name).SUMMARY}"
        yield ""
    yield "For one layer of attention with one head, on max-of-K:"
    yield ""
    for name in names():
        also = "; also about float runs" if name in STRATEGIES else ""
        yield f"{name}{_stands_for(name)}"
        yield f"{INDENT}{strategy(name).SUMMARY}{also}"
        if variants(name):
            labels = "/".join(_label(about) for about, _ in parts(name))
            yield f"{INDENT}{len(variants(name))} configurations: {name}/{labels}"
            for place, (about, told) in enumerate(parts(name)):
                used = dict.fromkeys(variant.split("/")[place] for variant in variants(name))
                yield f"{INDENT}{_label(about)}"
                yield from (f"{INDENT * 2}{word:9}  {told[word]}" for word in used)
        if tightenings(name):
            yield f"{INDENT}--off"
            yield from (f"{INDENT * 2}{word:9}  {what}" for word, what in tightenings(name).items())
        yield ""
    yield "`mechproof strategies --all` writes out every name."


def _stands_for(name: str) -> str:
    variant = default_variant(name)
    return f" (= {name}/{variant})" if variant else " (default)" if name == DEFAULT else ""


def _label(about: str) -> str:
    return about.replace(" ", "-").upper()


def _words(name: str, variant: str) -> str:
    """What a configuration's name says, part by part."""
    words = zip(parts(name), variant.split("/"), strict=True)
    return "; ".join(f"{about}: {told[word]}" for (about, told), word in words)
