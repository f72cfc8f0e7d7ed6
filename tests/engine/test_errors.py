"""Errors: one sentence each, nothing in it can fake a line, and Python can handle them like any exception."""

from __future__ import annotations

import importlib
import pickle
import pkgutil
import string
import traceback
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mechproof
from mechproof.audits.program.places import Place
from mechproof.engine.errors import MagnitudeError, MechproofError, describe

SAMPLES = {
    "int": 3,
    "str": "x",
    "bool": True,
    "Shape": (2, 3),
    "tuple[str, ...]": ("a", "b"),
    "tuple[int, ...]": (1, 2),
    "Place": Place("a.py", 3, "f"),
}


def kinds() -> list[type[MechproofError]]:
    """Every error class of the package, the base included."""
    for module in pkgutil.walk_packages(mechproof.__path__, "mechproof."):
        if not module.name.endswith(".__main__"):
            importlib.import_module(module.name)
    found: list[type[MechproofError]] = []
    waiting = [MechproofError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("mechproof."):
            found.append(kind)
    return sorted(found, key=lambda kind: (kind.__module__, kind.__name__))


def sample(kind: type[MechproofError]) -> MechproofError:
    return kind(*(SAMPLES[str(field.type)] for field in fields(kind)))


every = pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)


@every
def test_it_passes_through_context_managers(kind):
    """Python sets traceback, cause and context on an exception on its way out; none of that may fail."""

    @contextmanager
    def generator():
        yield

    error = sample(kind)
    with pytest.raises(kind) as caught, ExitStack() as stack:
        stack.enter_context(generator())
        stack.callback(lambda: None)
        with generator():
            try:
                raise KeyError("cause")
            except KeyError as cause:
                raise error from cause
    assert caught.value is error
    assert isinstance(error.__cause__, KeyError)
    assert error.__traceback__ is not None
    error.add_note("seen twice")
    assert "seen twice" in "".join(traceback.format_exception(error))


@every
def test_it_can_be_sent_and_collected(kind):
    """It survives pickling, as between processes, with its data; it can be in a set."""
    error = sample(kind)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert [getattr(again, field.name) for field in fields(kind)] == [
        getattr(error, field.name) for field in fields(kind)
    ]
    assert error in {error}


@every
def test_its_sentence_is_of_its_own_fields(kind):
    """The sentence names fields of this class only, leaves no placeholder, and is one line; the exit code is 1 or 2."""
    names = {
        name.split(".")[0].split("[")[0]
        for _, name, _, _ in string.Formatter().parse(kind.sentence)
        if name is not None
    }
    assert names <= {field.name for field in fields(kind)}
    text = describe(sample(kind))
    assert text == str(sample(kind))
    assert text and "\n" not in text
    assert not any(sign in text for sign in ("['", "('", ",)")), "a sentence is not Python"
    assert kind.exit_code in (1, 2)


@every
def test_it_has_a_sentence_of_its_own(kind):
    """No error that is raised falls back to the base's sentence, which says nothing."""
    if not kind.__subclasses__():
        assert kind.sentence != MechproofError.sentence


@given(st.text())
def test_no_text_fakes_a_line(text):
    """Whatever stands in a file's name or tensor's name, the sentence has printable characters only."""
    sentence = describe(MagnitudeError(text, "63 bits"))
    assert sentence.isprintable()
    assert sentence.endswith("too large for the fixed-point tables")


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ("a\ns VERIFIED", "a\\ns VERIFIED"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\r", "\\r"),
        ("\u202e", "\\u202e"),
        ("\u2028", "\\u2028"),
        ("\udc80", "\\udc80"),
        ("größer {limit}", "größer {limit}"),
    ],
)
def test_control_characters_are_made_visible(what, shown):
    """Line breaks, terminal controls, text direction and stray surrogates are spelled out; letters stay, braces too."""
    assert describe(MagnitudeError(what, "63 bits")).startswith(f"{shown} may not fit 63 bits:")


def test_new_errors_are_plain_dataclasses():
    """A frozen error class, which could not carry a traceback, is refused when it is defined."""
    with pytest.raises(TypeError, match="frozen"):
        dataclass(frozen=True)(type("Frozen", (MechproofError,), {}))
