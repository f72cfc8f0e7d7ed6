"""Tasks: input sets with exact sizes, right answers, and what does not fit is named."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from npz import write_npz
from shared_data import shared

from mechproof.engine.arithmetic.tensor import DyadicTensor
from mechproof.engine.checker.networks.inputs import Inputs
from mechproof.engine.errors import MechproofError
from mechproof.models.layers.embed import Embed
from mechproof.models.layers.unembed import Unembed
from mechproof.models.network import Network
from mechproof.models.tasks import task_of
from mechproof.models.tasks.expression import parse
from mechproof.models.tasks.group_tables import built_in, check_group
from mechproof.models.tasks.inputs import BadInputSet, InputSet


def network(vocabulary: int = 5, positions: int = 3) -> Network:
    def tensor(*shape: int) -> DyadicTensor:
        return DyadicTensor.of(shape, range(1, shape[0] * shape[1] + 1), 0)

    return Network("net", (Embed((tensor(vocabulary, 2),), tensor(positions, 2)), Unembed(tensor(2, vocabulary))))


def answers(text: str, net: Network) -> dict[tuple[int, ...], tuple[int, ...]]:
    task = task_of(text, net)
    rows = np.concatenate(list(task.inputs.blocks(7)))
    assert len(rows) == task.inputs.size
    return {tuple(t): tuple(a) for t, a in zip(rows.tolist(), task.answer(rows).tolist(), strict=True)}


def everything(vocabulary: int, positions: int):
    return product(range(vocabulary), repeat=positions)


def test_right_answers_of_named_tasks():
    """Every input of a small network, beside the definition written out."""
    net = network()
    assert answers("max-of-k", net) == {t: (max(t),) for t in everything(5, 3)}
    assert answers("kth-max:2", net) == {t: (sorted(t)[-2],) for t in everything(5, 3)}
    assert answers("modular-addition:4", net) == {(a, b, 4): ((a + b) % 4,) for a, b in everything(4, 2)}
    induction = answers("induction", network(4, 5))
    assert induction == {
        t: (t[t.index(t[-1]) + 1],) for t in everything(4, 5) if len(set(t[:4])) == 4 and t[4] in t[:3]
    }
    assert answers("induction-once", network(3, 5)) == {
        t: (t[t.index(t[-1]) + 1],) for t in everything(3, 5) if t[:4].count(t[4]) == 1 and t[4] in t[1:3]
    }

    def value(t):
        return t if t <= 2 else t - 5

    def sign(x):
        return (x > 0) - (x < 0) + 1

    assert answers("running-sum-sign", net) == {
        t: tuple(sign(sum(map(value, t[: p + 1]))) for p in range(3)) for t in everything(5, 3)
    }


def test_tasks_of_two_positions_have_no_equals_sign():
    """A group MLP reads two tokens, a transformer three."""
    assert task_of("modular-addition:5", network(5, 2)).inputs.describe() == [[0, 4], [0, 4]]
    assert task_of("modular-addition:4", network(5, 3)).inputs.describe() == [[0, 3], [0, 3], [4, 4]]


token_sets = st.sets(st.integers(0, 4), min_size=1).map(lambda tokens: tuple(sorted(tokens)))


@given(
    st.one_of(
        st.lists(token_sets, min_size=1, max_size=4),
        st.tuples(token_sets, st.integers(1, 5)).map(lambda x: [x[0]] * x[1]),
    ),
    st.sampled_from(["none", "distinct", "repeated", "once"]),
    st.integers(1, 50),
)
def test_input_sets_are_counted_twice(sets, condition, rows):
    """The formula and the list agree, whatever sets the positions have; no input comes twice; every block but the last
    is full; and the checker has the same inputs."""
    free = [p for p, tokens in enumerate(sets) if len(tokens) > 1]
    own = Inputs(
        tuple(sets),
        {"distinct": tuple(free), "repeated": tuple(range(len(sets) - 1))}.get(condition, ()),
        condition == "repeated",
        once=condition == "once",
    )
    try:
        inputs = InputSet(tuple(sets), condition)
    except BadInputSet:
        assert own.size() == 0
        return
    blocks = list(inputs.blocks(rows))
    listed = np.concatenate(blocks)
    assert len(listed) == inputs.size == len(np.unique(listed, axis=0))
    assert all(len(block) == rows for block in blocks[:-1])

    def wanted(t):
        if condition == "distinct":
            return len({t[p] for p in free}) == len(free)
        if condition == "once":
            return t[:-1].count(t[-1]) == 1 and t[-1] in t[1:-2]
        return condition == "none" or (len(set(t[:-1])) == len(t) - 1 and t[-1] in t[:-2])

    assert listed.tolist() == [list(t) for t in product(*sets) if wanted(t)]
    assert sorted(map(list, own)) == listed.tolist() and own.size() == inputs.size


@pytest.mark.parametrize(
    ("sets", "condition"),
    [
        (((0, 1), ()), "none"),
        (((1, 0),), "none"),
        (tuple((2 * p, 2 * p + 1) for p in range(13)), "distinct"),
        (((0, 1),) * 3, "distinct"),
        (((0, 1),) * 2, "repeated"),
        (((0, 1),) * 2, "sorted"),
    ],
)
def test_input_sets_that_are_none(sets, condition):
    """Empty, unordered, or of a condition that cannot be counted: refused."""
    with pytest.raises(BadInputSet):
        InputSet(sets, condition)


@pytest.mark.parametrize(
    ("text", "tokens", "value"),
    [
        ("(t[0] - t[1]) // 2", (1, 4), -2),
        ("-t[0] % 5", (3, 0), 2),
        ("t[0] < t[1] and not t[0] == 2", (1, 4), 1),
        ("abs(t[0] - t[1]) if t[0] or t[1] else 7", (0, 0), 7),
        ("max(t[0], 3, t[1]) + min(t) * sum(t)", (2, 1), 6),
        ("t[0] == t[1] == 0 or 1", (0, 0), None),
        ("t[0] / 2", (0, 0), None),
        ("t[-1]", (0, 0), None),
        ("t[0] ** 9", (0, 0), None),
        ("__import__('os')", (0, 0), None),
        ("t[5]", (0, 0), None),
        ("1 // t[0]", (0, 0), None),
        ("(" * 300 + "1" + ")" * 300, (0, 0), None),
        ("True", (0, 0), None),
    ],
)
def test_expressions(text, tokens, value):
    """What is in the language has Python's value; what is not is refused, and never run."""
    rows = np.array([tokens], dtype=np.int64)
    if value is None:
        with pytest.raises(MechproofError):
            parse(text)(rows)
    else:
        assert parse(text)(rows).tolist() == [[value]]
        assert parse(parse(text).text).text == parse(text).text


@pytest.mark.parametrize("name", ["Z7", "C1", "D5", "S4", "A4"])
def test_built_in_groups_are_groups(name):
    """By the same check that a file's table must pass."""
    table = built_in(name)
    assert table is not None
    check_group(name, table)


def test_tables_that_are_no_groups():
    """A planted error anywhere in the table of S4 is found; a loop that is no group is told by its associativity."""
    table = built_in("S4")
    assert table is not None
    rng = np.random.default_rng(5)
    for _ in range(20):
        broken = table.copy()
        x, y = rng.integers(0, 24, size=2)
        broken[x, y] = (broken[x, y] + 1) % 24
        with pytest.raises(MechproofError):
            check_group("table", broken)
    loop = np.array([[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]])
    with pytest.raises(MechproofError, match=r"\(xy\)z = x\(yz\)"):
        check_group("table", loop)


def test_the_numbering_of_the_manual_is_that_of_the_published_tables():
    """D59 and C113 by name are the published tables."""
    for name, file in (("D59", "DihedralGroup59"), ("C113", "CyclicGroup113")):
        table = built_in(name)
        assert table is not None
        assert (table == np.load(shared(f"groups/table_{file}.npz"))["table"]).all()


def test_task_files(tmp_path):
    """Sets, condition, read positions and expressions of a file; a list of inputs and a table from npz."""
    net = network()
    file = tmp_path / "task.toml"
    file.write_text('tokens = [[0, 3], [0, 3], [4, 4]]\nanswer = "(t[0] * t[1]) % 4"\n', "utf-8")
    assert answers(str(file), net) == {(a, b, 4): ((a * b) % 4,) for a, b in everything(4, 2)}
    file.write_text('read = "all"\ncounted = "pairs"\nanswers = ["t[0]", "t[1]", "max(t)"]\n', "utf-8")
    task = task_of(str(file), net)
    assert (task.size, task.read, task.answer.text) == (375, (0, 1, 2), "t[0]; t[1]; max(t)")
    write_npz(tmp_path / "data.npz", {"inputs": np.array([[1, 2, 3], [0, 0, 4]])})
    file.write_text('list = "data.npz"\nanswer = "t[2]"\n', "utf-8")
    assert answers(str(file), net) == {(1, 2, 3): (3,), (0, 0, 4): (4,)}
    write_npz(tmp_path / "table.npz", {"answers": np.arange(125).reshape(5, 5, 5) % 5})
    assert answers(f"table:{tmp_path / 'table.npz'}", net) == {t: (t[2],) for t in everything(5, 3)}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("tokens = [[0, 9]]\nanswer = '0'", "ascending tokens below"),
        ("tokens = [[0, 1], [0, 1], [0, 1], [0, 1]]\nanswer = '0'", "at most 3 positions"),
        ("answer = '0'\nanswers = ['1']", "one of answer, answers and table"),
        ("read = [7]\nanswer = '0'", "read positions from 0 to 2"),
        ("read = [-1]\nanswer = '0'", "read positions from 0 to 2"),
        ("read = 'first'\nanswer = '0'", "a list of positions"),
        ("colour = 1", "keys tokens, positions"),
        ("answer = ", "expected TOML"),
        ("condition = 'shuffled'\nanswer = '0'", "a condition of none, distinct"),
        ("table = 'gone.npz'", "gone.npz"),
        ("counted = 'words'\nanswer = '0'", "counted as inputs or pairs"),
    ],
)
def test_task_files_that_are_none(tmp_path, content, words):
    """One sentence each."""
    file = tmp_path / "task.toml"
    file.write_text(content, "utf-8")
    with pytest.raises(MechproofError) as caught:
        task_of(str(file), network())
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "text", ["max-of-n", "kth-max:0", "kth-max:9", "modular-addition", "modular-addition:9", "group:S99", "max-of-k:3"]
)
def test_tasks_that_are_none_or_do_not_fit(text):
    """A misspelt name, a parameter that is none, a network of other sizes."""
    with pytest.raises(MechproofError):
        task_of(text, network())
