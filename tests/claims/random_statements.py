"""Random statements of the claim language that mean something on a network with V = 3, K = 2, d = 2, h = 2."""

from __future__ import annotations

import random

MATRICES = {
    "W_E": (3, 2), "W_pos": (2, 2), "W_Q": (2, 2), "W_U": (2, 3), "b_Q": (1, 2), "b_U": (1, 3),
    "EQKE": (3, 3), "EVOU": (3, 3), "EQKP": (3, 2), "PVOU": (2, 3), "EUPU": (3, 3),
    "EQKE_mean": (3, 3), "EQKP_mean": (3, 2),
}  # fmt: skip
TO_NUMBER = (
    *("max", "min", "range", "sum", "mean", "row_difference", "frobenius", "spectral_norm"),
    *("argmax", "lower_median", "size", "rows", "columns"),
)
TO_COLUMN = ("row_max", "row_min", "row_range", "row_sum", "row_mean", "row_argmax")
SAME = ("abs", "rank1", "row_sort", "row_cumsum", "sign")
BINDERS = ("q, p in positions", "p in 0..1, q", "q <= 1, p in positions", "p in positions, q != p")

Shape = tuple[int, int]


class Author:
    """Writes statements; ``variables`` are those of the quantifier around, with how many values each has."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.variables: dict[str, int] = {}

    def statement(self) -> str:
        """One to two comparisons or facts, now and then under a quantifier or a negation."""
        if self.rng.random() < 0.3:
            self.variables = {"q": 3, "p": 2}
            binders = self.rng.choice(BINDERS)
            # every variable must occur
            body = f"EQKP[q, p] {self.relation()} {self.number(2)} and {self.simple()}"
            self.variables = {}
            how = self.rng.choice(["for all", "for all", "exists", "for all but 2", "for all but exactly 3"])
            return f"{how} {binders}: {body}"
        first = self.simple()
        return first if self.rng.random() < 0.7 else f"{first} and {self.simple()}"

    def simple(self) -> str:
        choice = self.rng.random()
        if choice < 0.08:
            return f"correct({self.index(3)}, {self.index(3)})"
        if choice < 0.16:
            return f"is_increasing({self.matrix(1, (3, 1))})"
        if choice < 0.2:
            return f"({self.simple()} or {self.simple()})"
        if choice < 0.24:
            return f"not {self.simple()}"
        if choice < 0.36:
            return f"{self.number(2)} in [{self.literal()}, {self.literal()}]"
        if choice < 0.44:
            literal = self.literal()
            return f"{self.number(2)} ~= {'1.5' if '0x' in literal else literal}"
        if choice < 0.6:
            shape = self.rng.choice(list(MATRICES.values()))
            return f"{self.matrix(1, shape)} {self.relation()} {self.matrix(1, shape)}"
        if choice < 0.7:
            return f"{self.number(1)} {self.relation()} {self.number(2)} {self.relation()} {self.literal()}"
        return f"{self.number(3)} {self.relation()} {self.number(2)}"

    def relation(self) -> str:
        return self.rng.choice(["<=", "<", ">=", ">", "=", "!="])

    def literal(self) -> str:
        return self.rng.choice(["0", "1", "-2.5", "1.85", "7e1", "0x1.8p1", "98.4 %", "12", "-40", "250", "0.001"])

    def index(self, size: int) -> str:
        fitting = [name for name, values in self.variables.items() if values <= size]
        if fitting and self.rng.random() < 0.7:
            return self.rng.choice(fitting)
        return str(self.rng.randrange(size))

    def number(self, depth: int) -> str:
        """An expression for a number."""
        if depth == 0:
            return self.rng.choice([self.literal().lstrip("-"), "V", "K", "d_head"])
        match self.rng.randrange(9):
            case 0 | 1:
                spectral = ("spectral_norm",) if not self.variables else ()
                function = self.rng.choice([name for name in TO_NUMBER if name != "spectral_norm"] + list(spectral))
                return f"{function}({self.matrix(depth - 1)})"
            case 2:
                name = self.rng.choice(list(MATRICES))
                rows, columns = MATRICES[name]
                return f"{name}[{self.index(rows)}, {self.index(columns)}]"
            case 3:
                return f"({self.number(depth - 1)} {self.rng.choice('+-*')} {self.number(depth - 1)})"
            case 4:
                return f"{self.number(depth - 1)} / {self.rng.choice(['3', '7', 'V', 'sqrt(d_head)', '1.85'])}"
            case 5:
                return f"sqrt(abs({self.number(depth - 1)}))"
            case 6:
                return f"diagonal_margin({self.matrix(depth - 1, (3, 3), fixed=True)})"
            case 7:
                return f"logits({self.index(3)}, {self.index(3)})[{self.index(3)}]"
            case _:
                name = self.rng.choice(list(MATRICES))
                return f"sigma({name}, {self.rng.randint(1, min(MATRICES[name]))})^{self.rng.choice(['2', '1', '3'])}"

    def matrix(self, depth: int, shape: Shape | None = None, *, fixed: bool = False) -> str:
        """An expression for a matrix of this shape, or of any."""
        if shape is None:
            shape = self.rng.choice([*MATRICES.values(), (3, 1)])
        rows, columns = shape
        same = [name for name, found in MATRICES.items() if found == shape]
        if shape == (3, 1) and not fixed:
            column = f"{self.rng.choice(TO_COLUMN)}(EVOU)"
            return self.rng.choice([column, "diagonal(EQKE)", f"EQKE[:, {self.index(3)}]", "logits(0, 2)"])
        if depth == 0:
            return self.rng.choice(same)
        match self.rng.randrange(7):
            case 0:
                function = self.rng.choice(SAME if not self.variables else ("abs",))
                return f"{function}({self.matrix(depth - 1, shape)})"
            case 1:
                return f"({self.matrix(depth - 1, shape)} {self.rng.choice('+-*')} {self.matrix(depth - 1, shape)})"
            case 2:
                return f"({self.matrix(depth - 1, shape)} - mean_over_rows({self.rng.choice(same)}))"
            case 3 if rows == columns == 3:
                return self.rng.choice(["W_E @ W_U", "EQKE.T", "EVOU @ EQKE", "(W_E @ W_Q) @ W_E.T", "EQKP @ PVOU"])
            case 4:
                return f"{self.rng.choice(same)} / {self.rng.choice(['sqrt(d_head)', '3', 'K'])}"
            case 5 if rows == 3:
                return f"({self.rng.choice(same)} - row_mean({self.rng.choice(same)}))"
            case _:
                return self.rng.choice(same)
