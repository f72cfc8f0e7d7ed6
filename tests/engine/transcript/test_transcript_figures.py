"""Figures: exact numbers in, the same bytes out, and nothing overstated."""

import re
import struct
import zlib
from fractions import Fraction
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mechproof.engine.transcript.figures import BadPicture, Bars, Cascade, Curve, HeatMap, Spectrum
from mechproof.engine.transcript.figures.bars import THICK
from mechproof.engine.transcript.figures.curve import LEFT, WIDTH, octaves
from mechproof.engine.transcript.figures.drawing import Box, Pixels, Words, picture, png, svg, truncated
from mechproof.engine.transcript.figures.heat_map import ABOVE, BELOW, NOTHING, WHITE
from mechproof.engine.transcript.figures.heat_map import shade as colour_of

MAP = HeatMap("m", "row", "column", tuple(tuple(Fraction(i - j, 3) for j in range(8)) for i in range(6)))
BARS = Bars("b", ("gain", "loss <1>", "none"), (Fraction(2), Fraction(-1), 0))
LINES = Spectrum("s", (Fraction(8000), Fraction(9, 2), 3, Fraction(1, 10**6)))
FALL = Cascade("f", ("all", "first", "second", "won", "left"), (100, 90, 20, 21))
CURVE = Curve("c", "cost", "bound", ((10**6, Fraction(9, 10), "fast"), (10, Fraction(1, 2), "slow")))


def number(text: str) -> Fraction:
    """Reads what ``truncated`` wrote."""
    mantissa, _, power = text.replace("…", "").partition("·10")
    return Fraction(mantissa) * Fraction(10) ** int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or "0")


@given(st.fractions() | st.builds(Fraction, st.integers(-(10**60), 10**60), st.integers(1, 10**60)))
def test_printed_numbers_are_cut_off_never_rounded(value):
    """Protects readers: an ellipsis means "and more", towards larger magnitude, by less than one last digit."""
    text = truncated(value)
    read = number(text)

    if "…" in text:
        assert 0 < abs(value) - abs(read) < abs(value) / 999
        assert read * value >= 0
    else:
        assert read == value


class TestDrawings:
    @pytest.mark.parametrize("figure", [MAP, BARS, FALL, LINES, CURVE], ids=lambda figure: figure.title)
    def test_both_renderings_are_well_formed_and_stable(self, figure):
        """Protects determinism: the same figure gives the same bytes."""
        drawing = figure.drawing()

        assert ElementTree.fromstring(svg(drawing, "al<t>")).get("aria-label") == "al<t>"
        assert svg(drawing, "a") == svg(figure.drawing(), "a")
        tex = picture(drawing, str)
        assert tex.startswith(r"\setlength{\unitlength}")
        assert tex.endswith(r"\end{picture}")
        assert all(line.endswith("%") for line in tex.splitlines()[:-1])

    @pytest.mark.parametrize("figure", [MAP, BARS, FALL, LINES, CURVE], ids=lambda figure: figure.title)
    def test_shapes_lie_inside(self, figure):
        """Protects pictures from clipped marks."""
        drawing = figure.drawing()

        for shape in drawing.shapes:
            assert 0 <= shape.x <= drawing.width
            assert 0 <= shape.y <= drawing.height
            if isinstance(shape, Box):
                assert shape.width >= 0
                assert shape.height >= 0
                assert shape.x + shape.width <= drawing.width
                assert shape.y + shape.height <= drawing.height

    def test_latex_pixels_cover_what_svg_pixels_cover(self):
        """Protects the grouping of pixels into rules: every cell exactly once, in its colour."""
        pixels = next(shape for shape in MAP.drawing().shapes if isinstance(shape, Pixels))
        height = MAP.drawing().height
        cells = {}
        colour = ""
        for line in picture(MAP.drawing(), str).splitlines():
            if found := re.search(r"\\color\[rgb\]\{([^}]*)\}", line):
                colour = found.group(1)
            if rule := re.match(r"\\bx\((\d+),(\d+)\)\{(\d+)\}\{(\d+)\}", line):
                x, y, wide, high = map(int, rule.groups())
                row = (height - y - high - pixels.y) // pixels.side
                for column in range((x - pixels.x) // pixels.side, (x - pixels.x + wide) // pixels.side):
                    assert (row, column) not in cells
                    cells[row, column] = colour

        assert len(cells) == 48
        by_colour = {}
        for (row, column), shade in cells.items():
            by_colour.setdefault(pixels.rows[row][column], set()).add(shade)
        assert all(len(shades) == 1 for shades in by_colour.values())

    def test_a_png_holds_its_pixels(self):
        """Protects the image format: an independent reading of the chunks gives the colours back."""
        rows = ((WHITE, ABOVE), (BELOW, WHITE))
        data = png(rows)
        header, rest = data[:8], data[8:]
        chunks = {}
        while rest:
            (length,) = struct.unpack(">I", rest[:4])
            name, body = rest[4:8], rest[8 : 8 + length]
            assert struct.unpack(">I", rest[8 + length : 12 + length]) == (zlib.crc32(name + body),)
            chunks[name], rest = body, rest[12 + length :]

        assert header == b"\x89PNG\r\n\x1a\n"
        assert chunks[b"IHDR"] == struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
        assert zlib.decompress(chunks[b"IDAT"]) == b"".join(b"\0" + bytes(sum(row, ())) for row in rows)

    def test_large_images_are_stored_in_several_blocks(self):
        """Protects images beyond the 65,535 bytes of one stored block."""
        rows = ((ABOVE,) * 200,) * 200
        body = png(rows).partition(b"IDAT")[2]

        assert zlib.decompressobj().decompress(body) == b"".join(b"\0" + bytes(ABOVE * 200) for _ in rows)


class TestContent:
    def test_zero_is_white_and_signs_have_their_colours(self):
        """Protects the reading of a heat map: one scale, zero in its middle."""
        shapes = HeatMap("m", "r", "c", ((-2, 0, 2),)).drawing().shapes
        (row,) = next(shape for shape in shapes if isinstance(shape, Pixels)).rows

        assert row == (BELOW, WHITE, ABOVE)

    def test_the_bar_of_colours_ends_where_the_entries_do(self):
        """Protects readers from a scale that shows values which do not occur."""
        drawing = HeatMap("m", "r", "c", ((1, 2, 4),)).drawing()
        bar = [shape for shape in drawing.shapes if isinstance(shape, Box)]
        words = [shape.text for shape in drawing.shapes if isinstance(shape, Words)]

        assert (bar[0].colour, bar[-1].colour) == (ABOVE, colour_of(4)) and len(bar) == 13
        assert words[-2:] == ["4", "1"]

    def test_an_entry_may_be_left_out(self):
        """Protects off-diagonal pictures: what is left out has no value, and is not the smallest entry."""
        picture = HeatMap("m", "r", "c", ((None, 3), (-1, None)))
        (first, _) = next(shape for shape in picture.drawing().shapes if isinstance(shape, Pixels)).rows

        assert first == (NOTHING, ABOVE)
        assert [line[1] for line in picture.summary()[1]] == ["2 × 2", "-1", "3"]

    def test_the_summary_names_the_extreme_entries(self):
        """Protects readers of the Markdown form, who see only these."""
        assert [line[1:] for line in MAP.summary()[1]] == [
            ("6 × 8", ""),
            ("-2.333…", "(0, 7)"),
            ("1.666…", "(5, 0)"),
        ]

    def test_bars_are_as_long_as_their_amounts(self):
        """Protects proportions: a bar starts at zero."""
        lengths = [shape.width for shape in BARS.drawing().shapes if isinstance(shape, Box)]

        assert lengths[:3] == [200, 100, 0]

    def test_a_curve_rises_in_steps(self):
        """Protects the meaning of the curve: between two points only the lower bound is drawn."""
        flat, rise = [shape for shape in CURVE.drawing().shapes if isinstance(shape, Box)][2:4]

        assert flat.height == 2
        assert rise.width == 2
        assert flat.y + 1 == rise.y + rise.height

    def test_a_short_range_is_drawn_linearly_and_one_point_in_the_middle(self):
        """Protects positions where no logarithm is taken."""
        assert Curve("c", "x", "y", ((0, 0, ""), (1, 1, ""), (4, 2, ""))).position(1) == LEFT + WIDTH // 4
        assert Curve("c", "x", "y", ((7, 1, "only"),)).position(7) == LEFT + WIDTH // 2

    @given(st.integers(1, 10**30), st.integers(1, 10**30))
    def test_the_logarithm_is_monotone(self, a, b):
        """Protects the order of points on the logarithmic axis."""
        assert (octaves(Fraction(a)) <= octaves(Fraction(b))) or a > b

    def test_names_are_shown(self):
        """Protects labels and axis names from being lost."""
        words = {shape.text for shape in CURVE.drawing().shapes if isinstance(shape, Words)}

        assert {"cost", "bound", "fast", "slow", "10", "1000000", "0.5", "0.9"} <= words


@pytest.mark.parametrize(
    "make",
    [
        lambda: HeatMap("m", "r", "c", ()),
        lambda: HeatMap("m", "r", "c", ((), ())),
        lambda: HeatMap("m", "r", "c", ((None,),)),
        lambda: HeatMap("m", "r", "c", ((1, 2), (3,))),
        lambda: Bars("b", (), ()),
        lambda: Bars("b", ("a",), (1, 2)),
        lambda: Curve("c", "x", "y", ()),
        lambda: Curve("c", "x", "y", ((1, 2, "a"), (1, 3, "b"))),
    ],
)
def test_pictures_without_content_are_refused(make):
    """Protects renderers from empty and ragged data."""
    with pytest.raises(BadPicture):
        make()


class TestCascades:
    def test_each_bar_begins_where_the_last_one_ended(self):
        """Protects the sum: what is read off the picture adds up."""
        boxes = [shape for shape in FALL.drawing().shapes if isinstance(shape, Box) and shape.height == THICK]
        ends = [(box.x, box.x + box.width) for box in boxes]

        assert len(boxes) == 5
        assert ends[0][1] == ends[1][1]
        assert ends[1][0] == ends[2][1]
        assert ends[2][0] == ends[3][0] == ends[4][1] - (ends[3][1] - ends[3][0])
        assert ends[3][1] == ends[4][1]

    def test_losses_and_gains_are_told_apart(self):
        """In words as well as by colour."""
        assert [amount for _, amount in FALL.summary()[1]] == ["100", "-10", "-70", "+1", "21"]
        assert len({shape.colour for shape in FALL.drawing().shapes if isinstance(shape, Box)}) == 4

    def test_what_is_no_cascade_is_refused(self):
        """No step, or a name too few."""
        with pytest.raises(BadPicture, match="a cascade needs a step"):
            Cascade("f", ("all",), (1,))
        with pytest.raises(BadPicture, match="found 2 names for 2 amounts"):
            Cascade("f", ("all", "left"), (2, 1))


class TestSpectra:
    def test_columns_fall_by_their_logarithms(self):
        """A factor of two is the same step wherever it stands."""
        even = Spectrum("s", tuple(2**k for k in range(5, -1, -1)))
        columns = [shape.height for shape in even.drawing().shapes if isinstance(shape, Box) and shape.colour]

        assert columns == sorted(columns, reverse=True)
        assert max(abs((a - b) - (b - c)) for a, b, c in zip(columns, columns[1:], columns[2:], strict=False)) <= 1

    def test_what_is_not_positive_has_no_logarithm(self):
        """A zero is refused, and so is nothing."""
        for values in ((), (1, 0)):
            with pytest.raises(BadPicture, match="all positive"):
                Spectrum("s", values)
