"""Arrays of Arb balls, by numpy: what is true of a network's cells is decided in them.

>>> bool(exponential(ball(np.array([0, 1], dtype=object)))[1] > 2)
True
"""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import arb

# Enough for what stands beside a double.
BITS = 256

larger: Any = np.frompyfunc(arb.max, 2, 1)
exponential: Any = np.frompyfunc(arb.exp, 1, 1)
ball: Any = np.frompyfunc(arb, 1, 1)
