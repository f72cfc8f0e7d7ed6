"""Tasks as the checker reads them: inputs, sizes, right answers, expressions; and what is refused."""

from __future__ import annotations

import itertools

import layered_network as reference
import numpy as np
import pytest

from mechproof.engine.checker.errors import Failure
from mechproof.engine.checker.networks.expression import read_expression
from mechproof.engine.checker.networks.groups import group_table, is_group
from mechproof.engine.checker.networks.inputs import Inputs
from mechproof.engine.checker.networks.network_file import read_description
from mechproof.engine.checker.networks.task import read_task
from mechproof.engine.checker.networks.theorem import theorem

Draw = reference.Draw


@pytest.fixture
def described(tmp_path):
    """described(tokens, positions) -> the description of a small network."""

    def make(tokens=5, positions=3):
        draw = Draw(0)
        return read_description(
            str(reference.write([draw.embed(tokens, 2, positions), draw.unembed(2, tokens)], tmp_path)), None
        )

    return make


def code(text, description):
    """The code with which a task is refused."""
    with pytest.raises(Failure) as caught:
        read_task(text, description)
    return caught.value.code.name


def visited(task):
    """All inputs of the blocks together; they are as many as the size says, block by block, and none comes twice."""
    found = []
    for block in task.inputs.blocks():
        mine = list(block)
        assert len(mine) == block.size()
        found += mine
    assert len(found) == task.inputs.size() == len(set(found))
    return found


def values(t, size):
    """The values of running sums."""
    return [x if x <= size / 2 else x - size for x in t]


NAMED = {
    "max-of-k": lambda t: [max(t)],
    "kth-max:1": lambda t: [max(t)],
    "kth-max:3": lambda t: [min(t)],
    "running-sum-sign": lambda t: [1 + np.sign(s) for s in np.cumsum(values(t, 5))],
    "running-sum-sign:2": lambda t: [1 + np.sign(s) for s in np.cumsum(values(t, 5))],
    "expression: t[0]*t[1] % 5": lambda t: [t[0] * t[1] % 5],
}


@pytest.mark.parametrize("text", NAMED)
def test_named_tasks_of_all_inputs(text, described):
    """Every input is there, and its right answers are those of a second definition."""
    _, task = read_task(text, described())
    found = visited(task)
    assert sorted(found) == sorted(itertools.product(range(5), repeat=2 if text.endswith(":2") else 3))
    assert all(list(task.answers(t)) == NAMED[text](t) for t in found)


def test_modular_addition(described):
    """Two summands, and the equals sign where there is a third position."""
    for positions in (2, 3):
        network, task = read_task("modular-addition:4", described(5, positions))
        assert visited(task) == [(a, b, *[4] * (positions - 2)) for a in range(4) for b in range(4)]
        assert all(task.answers(t) == ((t[0] + t[1]) % 4,) for t in task.inputs)
        assert (task.right, task.read, network.vocabulary) == (
            "((t[0] + t[1]) % 4)",
            (positions - 1,),
            (5,) * positions,
        )
    assert code("modular-addition:6", described()) == "E150"
    assert code("modular-addition:5", described()) == "E150"
    assert code("modular-addition:4", described(5, 4)) == "E150"


def test_induction(described):
    """Model A: the tokens before the last differ, the last repeats one that has a successor among them."""
    for text, n in (("induction", 4), ("induction:3", 3)):
        _, task = read_task(text, described(5, 4))
        found = visited(task)
        assert set(found) == {
            t for t in itertools.product(range(5), repeat=n) if len(set(t[:-1])) == n - 1 and t[-1] in t[:-2]
        }
        assert all(task.answers(t) == (t[t.index(t[-1]) + 1],) for t in found)
    assert code("induction:7", described(5, 7)) == "E153"


def test_induction_with_fillers_that_repeat(described):
    """The last token stands exactly once before, neither first nor directly before; blocks have the sizes said."""
    for text, n in (("induction-once", 5), ("induction-once:4", 4)):
        _, task = read_task(text, described(3, 5))
        found = visited(task)
        assert set(found) == {
            t for t in itertools.product(range(3), repeat=n) if t[:-1].count(t[-1]) == 1 and t[-1] in t[1:-2]
        }
        assert all(block.size() == len(list(block)) for block in task.inputs.blocks())
        assert all(task.answers(t) == (t[t.index(t[-1]) + 1],) for t in found)
    assert code("induction-once:3", described(5, 5)) == "E153"


@pytest.mark.parametrize(("name", "order"), [("Z7", 7), ("D4", 8), ("S3", 6), ("S4", 24), ("A4", 12), ("A1", 1)])
def test_groups_by_name(name, order, described):
    """Element 0 is neutral, and every group axiom holds; Dihedral and symmetric ones are not abelian."""
    table = group_table(name)
    assert table is not None and table.shape == (order, order) and is_group(table.entries, order)
    assert list(table.entries[:order]) == list(range(order))
    rows = [table.entries[i * order : (i + 1) * order] for i in range(order)]
    assert (rows == list(zip(*rows, strict=True))) == (name[0] == "Z" or order == 1)
    network, task = read_task(f"group:{name}", described(order + 1, 3))
    assert network.outputs == order + 1 and task.name == "group"
    assert all(task.answers(t) == (rows[t[0]][t[1]],) for t in visited(task))


def test_named_groups_in_the_order_of_the_page():
    """D_n: r^k at k, r^k s at n + k, and s r = r^-1 s; S_n lexicographic, p q sends x to p(q(x))."""
    d, s = group_table("D5"), group_table("S3")
    assert d is not None and s is not None
    assert d.entries[5 * 10 + 1] == 5 + 4
    permutations = list(itertools.permutations(range(3)))
    for i, p in enumerate(permutations):
        for j, q in enumerate(permutations):
            assert permutations[s.entries[i * 6 + j]] == tuple(p[q[x]] for x in range(3))


def test_tables_that_are_no_groups(described, tmp_path):
    """A table of a file must be that of a group."""
    good = np.array([[0, 1, 2], [1, 2, 0], [2, 0, 1]], dtype=np.int64)
    loop = np.array(
        [[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]], dtype=np.int32
    )
    path = tmp_path / "table.npz"
    np.savez(path, table=good, perms=good)
    assert read_task(f"group:{path}", described(3, 2))[1].size == 9
    for bad in (good + 1, good - 1, good * 0, good[:2], good[:2, :2], loop, good[0]):
        np.savez(path, table=bad)
        assert code(f"group:{path}", described(6, 2)) == "E150"
    np.savez(path, table=good.astype(np.float32))
    assert code(f"group:{path}", described(3, 2)) == "E154"
    np.savez(path, other=good)
    assert code(f"group:{path}", described(3, 2)) == "E150"
    assert code(f"group:{tmp_path}/none.npz", described(3, 2)) == "E101"
    assert code("group:S9", described(3, 2)) == "E243"


def test_tables_of_answers(described, tmp_path):
    """One axis a position; the order of the axes in the file does not matter."""
    answers = np.arange(25).reshape(5, 5) % 5
    for stored in (answers.astype(np.uint8), np.asfortranarray(answers)):
        np.savez(tmp_path / "a.npz", answers=stored)
        _, task = read_task(f"table:{tmp_path}/a.npz", described(5, 2))
        assert all(task.answers(t) == (answers[t],) for t in visited(task))
    assert code(f"table:{tmp_path}/a.npz", described(6, 2)) == "E150"
    assert code(f"table:{tmp_path}/a.npz", described(5, 1)) == "E141"


def toml(folder, text):
    """A task file."""
    (folder / "task.toml").write_text(text)
    return str(folder / "task.toml")


def test_task_files(described, tmp_path):
    """Token sets, conditions, read positions and lists."""
    path = toml(tmp_path, 'tokens = [[0, 3], [1, 4], [2, 2]]\ncondition = "distinct"\nanswer = "max(t) + 1 - 1"\n')
    _, task = read_task(path, described())
    assert set(visited(task)) == {t for t in itertools.product(range(4), range(1, 5), [2]) if t[0] != t[1]}
    assert (task.right, task.condition, task.tokens[2]) == ("((max(t) + 1) - 1)", "distinct", (2,))
    path = toml(
        tmp_path, 'tokens = [[0, 2, 4], [1, 1, 3]]\nread = "all"\ncounted = "pairs"\nanswers = ["t[0]", "sum(t)"]\n'
    )
    _, task = read_task(path, described())
    assert task.tokens == ((0, 2, 4), (1, 3)) and task.size == 12 and task.right == "t[0]; sum(t)"
    assert list(task.answers((4, 3))) == [4, 7]
    rows = np.array([[0, 1, 2], [4, 4, 4]])
    np.savez(tmp_path / "list.npz", inputs=rows)
    path = toml(tmp_path, 'positions = 3\nlist = "list.npz"\nanswer = "t[2]"\n')
    _, task = read_task(path, described())
    assert visited(task) == [(0, 1, 2), (4, 4, 4)] and list(task.tensors) == ["list"]
    np.savez(tmp_path / "answers.npz", answers=np.arange(25).reshape(5, 5) % 5)
    path = toml(tmp_path, 'positions = 2\nread = [0, 1]\ntable = "answers.npz"\n')
    assert read_task(path, described())[1].answers((2, 3)) == (3, 3)


def test_the_theorem_says_how_much_of_a_task_it_leaves_out(described, tmp_path):
    """A reader of the verdict is never told of fewer read positions, or fewer tokens, than the theorem is about."""
    many = ", ".join(map(str, range(0, 30, 2)))
    sets = [f"[{many}]", f"[{many}, 31]", *["[0, 3]"] * 14]
    path = toml(tmp_path, f'tokens = [{", ".join(sets)}]\nread = "all"\nanswers = {["t[0]"] * 16}\n')
    network, task = read_task(path, described(32, 16))
    text, _ = theorem(network, task, "")
    assert "at positions 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ... (16 in all); an input" in text
    assert "22 ... (15 in all); 0 2" in text and "22 ... (16 in all); 0 ... 3; " in text
    assert "0 ... 3; ... (16 in all). Right" in text
    network, task = read_task("running-sum-sign", described(3, 5))
    assert "at positions 0, 1, 2, 3, 4; an input" in theorem(network, task, "")[0]
    path = toml(tmp_path, 'positions = 5\nread = [1]\nanswer = "t[0]"\n')
    assert "at position 1.\n" in theorem(*read_task(path, described(3, 5)), "")[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('answer = "t[0]"\nanswers = ["t[0]"]\n', "E150"),
        ("", "E150"),
        ("answer = 3\n", "E150"),
        ('answers = ["t[0]", "t[1]"]\n', "E150"),
        ('answer = "t[0]"\nread = []\n', "E150"),
        ('answer = "t[0]"\nread = [3]\n', "E150"),
        ('answer = "t[0]"\nread = [1, 0]\n', "E150"),
        ('answer = "t[0]"\nread = "first"\n', "E150"),
        ('answer = "t[0]"\ncounted = "prefixes"\n', "E150"),
        ('answer = "t[0]"\ncondition = "sorted"\n', "E150"),
        ('answer = "t[0]"\ncondition = "listed"\n', "E150"),
        ('answer = "t[0]"\nlist = "../list.npz"\n', "E101"),
        ('answer = "t[0]"\nlist = "/etc/passwd"\n', "E120"),
        ('answer = "t[0]"\nlist = 4\n', "E150"),
        ('answer = "t[0]"\nlist = "missing.npz"\n', "E101"),
        ('answer = "t[0]"\ntokens = [[0, 9], [0, 1], [0, 1]]\n', "E150"),
        ('answer = "t[0]"\ntokens = [[3, 2], [0, 1], [0, 1]]\n', "E153"),
        ('answer = "t[0]"\ntokens = [[0, 0, 0], [0, 0], [0, 0]]\ncondition = "repeated"\n', "E153"),
        ('answer = "t[0]"\ntokens = [[0], [0, 1], [0, 1]]\n', "E150"),
        ('answer = "t[0]"\ntokens = [["0", 1]]\n', "E150"),
        ('answer = "t[0]"\ntokens = [[0, 99999999], [0, 1]]\n', "E243"),
        ('answer = "t[0]"\ntokens = [[0, 1]]\npositions = 1\n', "E150"),
        ('answer = "t[0]"\npositions = 0\n', "E150"),
        ('answer = "t[0]"\npositions = true\n', "E150"),
        ('answer = "t[0]"\npositions = 9\n', "E141"),
        ('answer = "t[0]"\npositions = 999\n', "E243"),
        ('answer = "t[0]"\ncolour = "red"\n', "E150"),
        ('answer = "t[0]', "E140"),
        ("a = " + "[" * 5000, "E140"),
        ("a = 1" + "0" * 5000, "E140"),
    ],
)
def test_bad_task_files(text, expected, described, tmp_path):
    """Every mistake has a code, and nothing else is raised."""
    assert code(toml(tmp_path, text), described()) == expected


def test_bad_lists(described, tmp_path):
    """A list holds inputs of the network, each once."""
    for rows in ([[0, 1]], [[0, 1, 2], [0, 1, 2]], [[0, 1, 9]], [0, 1, 2]):
        np.savez(tmp_path / "list.npz", inputs=np.array(rows))
        assert code(toml(tmp_path, 'list = "list.npz"\nanswer = "t[0]"\n'), described()) == "E150"


@pytest.mark.parametrize(
    "text",
    [
        "max-of-k:3",
        "kth-max",
        "kth-max:0",
        "kth-max:4",
        "kth-max:x",
        "modular-addition:",
        "running-sum-sign:0",
        "induction:-1",
        "sorted-list:last",
    ],
)
def test_bad_parameters(text, described):
    """Names with parameters that they cannot have."""
    assert code(text, described()) == "E150"


def test_a_list_has_a_separator_in_its_middle(described):
    """As many numbers before as after it."""
    assert code("sorted-list", described(5, 4)) == "E150"


def test_unknown_tasks(described):
    """Also a file that is not there."""
    assert code("min-of-k", described()) == "E103"
    assert code("nowhere.toml", described()) == "E101"


def test_a_sum_has_one_position_to_read(tmp_path):
    """After the positions are added up, only one is left: position 0."""
    draw = Draw(0)
    layers = [draw.embed(4, 2, 3), {"kind": "sum"}, draw.unembed(2, 4)]
    description = read_description(str(reference.write(layers, tmp_path)), None)
    assert read_task("max-of-k", description)[1].read == (0,)
    assert code("running-sum-sign", description) == "E150"


EXPRESSIONS = {
    "1+2*t[0]": ("(1 + (2 * t[0]))", lambda t: 1 + 2 * t[0]),
    "t[0]-t[1]-1": ("((t[0] - t[1]) - 1)", lambda t: t[0] - t[1] - 1),
    "-t[0] % 5": ("((-t[0]) % 5)", lambda t: -t[0] % 5),
    "--t[0]//3": ("((-(-t[0])) // 3)", lambda t: t[0] // 3),
    "(t[1]+1)//2*3": ("(((t[1] + 1) // 2) * 3)", lambda t: (t[1] + 1) // 2 * 3),
    "t[0]<t[1] or not t[0]==2 and t[1]!=1": (
        "((t[0] < t[1]) or ((not (t[0] == 2)) and (t[1] != 1)))",
        lambda t: int(t[0] < t[1] or (t[0] != 2 and t[1] != 1)),
    ),
    "3 and 2": ("(3 and 2)", lambda t: 1),
    "1 if t[0]>=t[1] else 2 if t[0]<=1 else 3": (
        "(1 if (t[0] >= t[1]) else (2 if (t[0] <= 1) else 3))",
        lambda t: 1 if t[0] >= t[1] else 2 if t[0] <= 1 else 3,
    ),
    "max(t)-min(t)+sum(t)+abs(t[0]-t[1])": (
        "(((max(t) - min(t)) + sum(t)) + abs((t[0] - t[1])))",
        lambda t: max(t) - min(t) + sum(t) + abs(t[0] - t[1]),
    ),
    "max(t[0], 2, min(t[1], 3))": ("max(max(t[0], 2), min(t[1], 3))", lambda t: max(t[0], 2, min(t[1], 3))),
    "t[0]>t[1]": ("(t[0] > t[1])", lambda t: int(t[0] > t[1])),
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions(text):
    """Canonical text and values; the canonical text reads back as itself."""
    canonical, value = read_expression(text, 2)
    assert canonical == EXPRESSIONS[text][0]
    again, other = read_expression(canonical, 2)
    assert again == canonical
    for t in itertools.product(range(5), repeat=2):
        assert value(t) == other(t) == EXPRESSIONS[text][1](t)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "t",
            "t[2]",
            "t[-1]",
            "t[t[0]]",
            "t[0",
            "1 2",
            "1 < 2 < 3",
            "f(1)",
            "max()",
            "max(1)",
            "sum(1)",
            "abs(t)",
        ),
        *(
            "1 +",
            "(1",
            "1)",
            "not",
            "1 if 2",
            "t[0] ** 2",
            "1.5",
            "'a'",
            "t[0]; 1",
            "__import__",
            "t[99999999]",
            "t[-0]",
        ),
        *("1" * 101, "(" * 99 + "1" + ")" * 99, "-" * 99 + "1", "é", "1+" * 3000 + "1"),
        "t[0] + " + "9" * 40,
    ],
)
def test_bad_expressions(text):
    """What is no expression has a code of its own; nothing else is raised."""
    with pytest.raises(Failure) as caught:
        read_expression(text, 2)
    assert caught.value.code.name == "E151"


@pytest.mark.parametrize("text", ["1 // t[0]", "1 if t[0] else 1 % t[0]", "0 and 1 // t[0]", "9" * 18 + " * 99"])
def test_expressions_without_a_value(text):
    """Every part is evaluated: a division by zero anywhere, or a number of 2^61 and more, is refused."""
    _, value = read_expression(text, 2)
    with pytest.raises(Failure) as caught:
        value((0, 1))
    assert caught.value.code.name == "E152"


def test_sizes_of_random_sets():
    """The counting arguments and the enumeration agree on token sets of every kind."""
    rng = np.random.default_rng(3)
    for _ in range(60):
        n = int(rng.integers(1, 5))
        tokens = tuple(tuple(sorted({int(v) for v in rng.integers(0, 6, rng.integers(1, 6))})) for _ in range(n))
        differ = tuple(p for p in range(n) if len(tokens[p]) > 1)
        for inputs in (Inputs(tokens), Inputs(tokens, differ), Inputs(tokens, tuple(range(n - 1)), True)):
            assert inputs.size() == len(list(inputs)) == sum(block.size() for block in inputs.blocks())


def test_sorted_lists_are_visited_as_they_are_counted():
    """Different numbers, a separator, the numbers in ascending order: each once, in blocks too, and no other tuple."""
    numbers = tuple(range(4))
    lists = Inputs((numbers, numbers, (4,), numbers, numbers), differ=(0, 1), ordered=True)
    found = list(lists)
    assert len(found) == len(set(found)) == lists.size() == 12
    assert all(t[0] != t[1] and t[2] == 4 and t[3:] == tuple(sorted(t[:2])) for t in found)
    assert sorted(t for block in lists.blocks() for t in block) == sorted(found)
    assert all(map(lists.holds, found))
    assert not any(map(lists.holds, ([0, 1, 4, 1, 0], [1, 1, 4, 1, 1], [0, 1, 3, 0, 1], [0, 1, 4], [0, 5, 4, 0, 5])))
