"""Pictures of matrices, amounts and curves: drawn once, shown as SVG, as LaTeX, and as a table of numbers.

A picture never is a premise: it is drawn from exact numbers, and nothing is concluded from it.  All
kinds are made of rectangles, pixels and words (:mod:`.drawing`), which SVG and LaTeX's own picture environment can
both show, so no plotting library and no TikZ is needed and the bytes are the same everywhere.
"""

from .bars import Bars
from .cascade import Cascade
from .curve import Curve
from .drawing import BadPicture, Drawing, Picture
from .heat_map import HeatMap
from .spectrum import Spectrum

__all__ = ["BadPicture", "Bars", "Cascade", "Curve", "Drawing", "HeatMap", "Picture", "Spectrum"]
