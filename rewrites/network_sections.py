"""The sections of a transcript that introduce a network and its task, whatever is proved of them."""

from __future__ import annotations

from ..engine.transcript import Block, Code, Listing, Paragraph, Prose, Section, Table, Text, paragraph, passage, prose
from ..models.layers.layer import spelled
from ..models.statement import Statement
from ..models.tasks.task import Task


def assumed(statement: Statement) -> tuple[Block, ...]:
    """What neither tensors nor configuration nor user said; nothing where there is nothing."""
    points = statement.network.assumed
    if not points:
        return ()
    items = tuple((Paragraph((Text(point[:1].upper() + point[1:] + "."),)),) for point in points)
    return (paragraph("The weights alone do not fix a function. The reader assumes:"), Listing(items))


def network_section(statement: Statement) -> Section:
    """The definition of the forward pass, layer by layer, with every symbol introduced."""
    network, task = statement.network, statement.task
    sizes = network.vocabulary(task.positions)
    tokens = f"0, \\dots, {sizes[0] - 1}" if len(set(sizes)) == 1 else "0, \\dots, V_p - 1"
    opening = passage(
        f"""
        An input is a tuple $t = (t_0, \\dots, t_{{{task.positions - 1}}})$ of tokens, one at each of
        {task.positions} positions; $t_p$ is one of ${tokens}$. The network computes a stream of row vectors, one a
        position: $x^{{(k)}}_p$ is the row at position $p$ behind layer $k$. Every function below is the real function
        of that name (exponentials, square roots), and every tensor holds the stored numbers, read as exact dyadic
        rationals.
        """
    )
    layers = tuple(
        Section(f"Layer {number}: {layer.kind}", tuple(passage(layer.definition(number))))
        for number, layer in enumerate(network.layers)
    )
    return Section("The network", (*opening, *layers, tensors_table(statement)))


def tensors_table(statement: Statement) -> Table:
    """Every tensor of the network with its layer, its shape and the beginning of its hash."""
    rows = []
    described = statement.content()["network"]["layers"]
    for number, (layer, content) in enumerate(zip(statement.network.layers, described, strict=True)):
        for name, tensor in layer.tensors.items():
            digest = content["tensors"][name][:12]
            rows.append((prose(str(number)), (Code(name),), prose(spelled(tensor.shape)), (Code(digest),)))
    header = tuple(prose(text) for text in ("layer", "tensor", "shape", "sha256 begins"))
    return Table(header, tuple(rows), prose("The tensors, by layer."), sides=("right", "left", "left", "left"))


def task_section(task: Task) -> Section:
    """The input set with its size, the right answer, and what a tie is."""
    sets = "; ".join(f"position {p}: {words}" for p, words in enumerate(map(token_words, task.inputs.sets)))
    same = len(set(task.inputs.sets)) == 1
    tokens = f"At every position the tokens {token_words(task.inputs.sets[0])}." if same else f"Tokens: {sets}."
    conditions = {
        "none": "All tuples of these tokens are inputs",
        "distinct": "The inputs are the tuples of pairwise different tokens (where a position has more than one)",
        "repeated": (
            "The inputs are the tuples whose tokens but the last are pairwise different, and whose last token equals "
            "an earlier one that is not directly before it"
        ),
        "once": (
            "The inputs are the tuples whose last token stands exactly once before, at a position that is neither the "
            "first nor directly before it; the other tokens may repeat"
        ),
        "sorted": (
            "The inputs are lists of pairwise different numbers, behind them a separator and the same numbers in "
            "ascending order"
        ),
        "listed": "The inputs are those of a list, which is hashed with the statement",
    }
    read = f"position {task.read[0]}" if len(task.read) == 1 else f"positions {', '.join(map(str, task.read))}"
    each = "Every pair of an input and a read position is counted by itself." if task.counted == "pairs" else ""
    whole = "An input is right when it is right at each of them." if len(task.read) > 1 and not each else ""
    return Section(
        "The task",
        (
            paragraph(f"{tokens} {conditions[task.inputs.condition]}: ${task.inputs.size}$ inputs."),
            Paragraph(
                (Text(f"The logits are read at {read}. The right answer there: "), *answer_words(task), Text("."))
            ),
            paragraph(
                "The network is *right* when the logit of the right answer is strictly larger than every other logit; "
                f"a tie is wrong. {whole}{each}"
            ),
        ),
    )


def answer_words(task: Task) -> Prose:
    """The right answer: its expression, or in words."""
    if "table" in task.tensors or "answers" in task.tensors:
        return (Text("the entry at the first tokens of a table that is hashed with the statement"),)
    return (Code(task.answer.text),)


def token_words(tokens: tuple[int, ...]) -> str:
    """A set of tokens in words.

    >>> token_words((0, 1, 2)), token_words((7,)), token_words((1, 3))
    ('0 to 2', '7', '1, 3')
    """
    if len(tokens) == 1:
        return str(tokens[0])
    if tokens[-1] - tokens[0] == len(tokens) - 1:
        return f"{tokens[0]} to {tokens[-1]}"
    shown = ", ".join(map(str, tokens[:20]))
    return shown if len(tokens) <= 20 else f"{shown}, … ({len(tokens)} tokens)"
