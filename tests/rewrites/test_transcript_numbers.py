"""Every decimal of a transcript, in every form, comes from an exact number and is rounded in its safe direction."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache
from html import unescape

import pytest
from emitted_decimals import Emitted, recording
from every_transcript import PROOFS, proof_of

from mechproof.engine.transcript import Document, Figure, html, latex, markdown
from mechproof.engine.transcript.document import nodes

DECIMAL = re.compile(r"(?<![0-9.])-?[0-9]+\.[0-9]+(?![0-9.]|\.[0-9])")
# Papers, numbers of sections, a constant of gelu_new, and the pictures' own numbers, which are cut off and say so.
OTHERS = re.compile(
    r"arXiv [0-9]{4}\.[0-9]{5}|0\.044715|(?:Section|Lemma)[~ ]?[0-9.]+|section-[0-9.]+|^#+ [0-9.]+ .*$"
    r"|-?[0-9.]+(?:…|\\dots)",
    re.MULTILINE,
)


def forms(document: Document) -> dict[str, str]:
    """The transcript as text, form by form, digits that a line may part put together."""
    source = re.sub(r"\\allowbreak(?:\{\}| )", "", latex(document))
    page = html(document)
    whole = re.sub("</mn></math>(?:</span>)?<wbr>(?:<span[^>]*>)?<math><mn>", "", page)
    body = re.sub(r"<(style|svg|h[1-6]|head|nav)\b.*?</\1>", " ", whole, flags=re.DOTALL)
    text = unescape(re.sub(r"<[^>]*>", "", re.sub("</(?:td|th|p|math|li|a)>", " ", body))).replace("−", "-")
    drawing = re.compile(r"\\begin\{picture\}.*?\\end\{picture\}|\\setlength[^\n]*|%.*", re.DOTALL)
    tex = re.sub(r"\\usepackage.*|\\setlength.*|\\newcommand.*", "", drawing.sub(" ", source))
    return {"markdown": markdown(document), "html": text, "latex": tex}


def shown(text: str) -> set[str]:
    return set(DECIMAL.findall(OTHERS.sub(" ", text)))


@cache
def emitted_by(name: str) -> tuple[dict[str, str], list[Emitted]]:
    """The forms of a transcript, and what was emitted for it; of pictures the numbers that they show exactly."""
    with recording() as found:
        document = proof_of(name).transcript("full")
        texts = forms(document) | {"terminal": proof_of(name).verdict}
    for figure in (node for node in nodes(document) if isinstance(node, Figure)):
        cells = " ".join(cell for row in figure.picture.summary()[1] for cell in row)
        found += [Emitted(number, Fraction(number), "floor_str") for number in shown(cells)]
    return texts, found


@pytest.mark.parametrize("name", PROOFS)
def test_every_decimal_is_emitted_with_its_exact_number(name):
    """Protects readers from numbers that nobody proved: what stands on a page was rounded from an exact number."""
    texts, found = emitted_by(name)
    assert all(number.holds for number in found)
    known = {number.text for number in found}
    for form, text in texts.items():
        assert shown(text) - known == set(), form


# Where a direction is told: a pattern with the number, and the function that it must come from.
TOLD = (
    (r"(?:\\ge(?:q|) |≥|\bat least \$?|\babove \$?)(-?[0-9]+\.[0-9]+)", "floor_str"),
    (r"(?:\\le(?:q|) |≤|\bat most \$?|\bno more than \$?)(-?[0-9]+\.[0-9]+)", "ceil_str"),
    (r"\bbetween \$?(-?[0-9]+\.[0-9]+)\$? and ", "floor_str"),
    (r"\bbetween \$?-?[0-9]+\.[0-9]+\$? and \$?(-?[0-9]+\.[0-9]+)", "ceil_str"),
)


@pytest.mark.parametrize("name", PROOFS)
def test_lower_bounds_are_cut_off_and_upper_bounds_rounded_up(name):
    """Protects readers from a bound that its own rounding overstates."""
    texts, found = emitted_by(name)
    for form, text in texts.items():
        for pattern, function in TOLD:
            for number in re.findall(pattern, text):
                exact = [e for e in found if e.text == number]
                assert any(e.function == function or e.exact for e in exact), (form, pattern, number)


def test_the_readers_of_this_file_notice():
    """A decimal that nobody emitted, and one that is rounded to the wrong side, are found."""
    with recording() as found:
        proof_of("subcubic").transcript()
    assert found and shown("a bound of 0.1234567891, see arXiv 2406.11779 and Section 3.1") == {"0.1234567891"}
    first = next(number for number in found if not number.exact)
    other = "ceil_str" if first.function == "floor_str" else "floor_str"
    assert not Emitted(first.text, first.value, other).holds
