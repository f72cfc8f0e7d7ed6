r"""A LaTeX document as one reads it: its files in order, without what is not printed or is not LaTeX.

Followed are ``\input``, ``\include``, ``\subfile`` and ``\import`` with their kin, relative to the main file, or to the
subfile or import they stand in.  Left out are comments, ``verbatim`` and its kin (``\verb``, listings, minted, the
environment comment, and those that the document defines), addresses, and what comes after ``\endinput`` or
``\end{document}``.
Conditionals are not evaluated: all branches are read, and also what ``\includeonly`` leaves out.
"""

from __future__ import annotations

import os.path
import re
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..engine.errors import MechproofError, describe
from ..engine.files import FileEmpty, FileError, read_bytes
from .files import BadClaimFile

MAX_FILE = 1 << 24
MAX_FILES = 1000
MAX_DEPTH = 50
# Inline code is at most so long; what would be longer has lost its end.
MAX_INLINE = 2000
VERBATIM = ("verbatim", "verbatim*", "Verbatim", "Verbatim*", "BVerbatim", "LVerbatim", "SaveVerbatim", "VerbatimOut")
NOT_LATEX = (*VERBATIM, "lstlisting", "minted", "tcblisting", "filecontents", "filecontents*", "comment")
# Commands by which a document makes environments of that kind.
DEFINING = re.compile(
    r"\\(?:lstnewenvironment|DefineVerbatimEnvironment|newtcblisting|excludecomment)\s*\{([A-Za-z]+\*?)\}"
)
LEFT_OUT = re.compile(
    r"""
      \\begin\s*\{(?P<environment>[A-Za-z]+\*?)\}
    | (?P<inline>\\verb\*?(?![A-Za-z@])
        | \\(?:Verb\*?|lstinline|mintinline)(?![A-Za-z@])\s*(?:\[[^\]\n]{0,1000}\])?
        | \\(?:url|nolinkurl|href|path)\s*(?=\{))
    | (?P<end>\\endinput(?![A-Za-z@])|\\end\s*\{document\})
    | (?P<comment>%[^\n]*)
    | \\(?:[A-Za-z@]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
# A command; what a definition defines is none.
COMMAND = re.compile(
    r"\\(?:(?:(?:re)?newcommand|providecommand|DeclareRobustCommand|[egx]?def)\s*\*?\s*\{?\s*\\[A-Za-z@]+"
    r"|let\s*\\[A-Za-z@]+\s*=?\s*\\[A-Za-z@]+"
    r"|(?P<name>[A-Za-z@]+|.))",
    re.DOTALL,
)
# The name of a file: in braces, or for \input also without, up to a space.
NAME = re.compile(r"\s*\{([^{}]*)\}|\s*([^\s{}\\]+)")
FOLDER = re.compile(r"\s*\{([^{}]*)\}")
BRACE = re.compile("[{}]")
FROM_MAIN = ("import", "inputfrom", "includefrom")
FROM_HERE = ("subimport", "subinputfrom", "subincludefrom")
FOLLOWED = frozenset(("input", "include", "subfile", "subfileinclude", "InputIfFileExists", *FROM_MAIN, *FROM_HERE))


@dataclass(unsafe_hash=True)
class NotFollowed(MechproofError):
    """What a document asks for and was not read; a warning, not an end."""

    file: str
    line: int
    what: str
    reason: str
    sentence = "{file}, line {line}: {what}: {reason}; claims in it are not checked"


@dataclass(frozen=True)
class Command:
    """``\\name`` in the printed text ``source`` of one file; what follows it begins at ``end``."""

    name: str
    file: str
    line: int
    source: str
    end: int


class LatexDocument:
    """The commands of a document, and sentences about files that could not be followed."""

    def __init__(self, path: Path, wanted: frozenset[str]) -> None:
        self.path, self.wanted = path, wanted
        self.warnings: list[str] = []
        self._files = 0
        self._not_latex = set(NOT_LATEX)

    def commands(self) -> Iterator[Command]:
        """Those wanted, in the order of print; raises a :class:`~mechproof.engine.errors.MechproofError` for a file
        that cannot be read."""
        content = read_bytes(self.path, MAX_FILE)
        yield from self._file(self.path, content, (self.path.resolve(),), (self.path.parent,))

    def _file(
        self, path: Path, content: bytes, above: tuple[Path, ...], folders: tuple[Path, ...]
    ) -> Iterator[Command]:
        """The commands of one file and of those that it asks for, which are looked for in ``folders``."""
        file = Path(os.path.relpath(path, self.path.parent)).as_posix()
        try:
            source = content.decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            raise BadClaimFile(file, "a LaTeX file in UTF-8", str(error)) from None
        source = self._printed(file, source, whole=len(above) == 1)
        lines = [found.start() for found in re.finditer("\n", source)]
        for found in COMMAND.finditer(source):
            command = Command(found["name"] or "", file, bisect(lines, found.start()) + 1, source, found.end())
            if command.name in self.wanted:
                yield command
            elif command.name in FOLLOWED:
                yield from self._followed(command, above, folders)

    def _followed(self, command: Command, above: tuple[Path, ...], folders: tuple[Path, ...]) -> Iterator[Command]:
        """The commands of the file that one asks for; a warning where there is none."""
        self._files += 1
        if self._files >= MAX_FILES or len(above) >= MAX_DEPTH:
            expected = f"a document of at most {MAX_FILES} files, at most {MAX_DEPTH} inside each other"
            raise BadClaimFile(self.path.name, expected, "more")
        place, main = command.end, self.path.parent
        if command.name in (*FROM_MAIN, *FROM_HERE):
            folder = FOLDER.match(command.source, place)
            if folder is None:
                return self._warn(command, "", "no folder in braces follows")
            folders = ((main if command.name in FROM_MAIN else folders[0]).joinpath(folder[1].strip()), main)
            place = folder.end()
        given = NAME.match(command.source, place)
        name = (given[1] or given[2] or "").strip().strip('"') if given is not None else ""
        if not name or any(sign in name for sign in "\\#"):
            return self._warn(command, name, "which file that is depends on the run")
        path = _existing(name, folders)
        if path is None:
            if command.name != "InputIfFileExists":
                self._warn(command, name, "there is no such file")
            return None
        if path.resolve() in above:
            return self._warn(command, name, "it is inside that file already")
        try:
            content = read_bytes(path, MAX_FILE)
        except FileEmpty:
            return None
        except FileError as error:
            return self._warn(command, name, describe(error))
        inside = (path.parent, main) if command.name.startswith("subfile") else folders
        yield from self._file(path, content, (*above, path.resolve()), inside)

    def _warn(self, command: Command, name: str, reason: str) -> None:
        what = f"\\{command.name}{{{name}}}"
        self.warnings.append(describe(NotFollowed(command.file, command.line, what, reason)))

    def _printed(self, file: str, source: str, whole: bool) -> str:
        """The source without what is left out, with all its line ends up to where it stops; ``whole`` if it is the
        main file's."""
        self._not_latex.update(DEFINING.findall(source))
        kept: list[str] = []
        place = 0
        while (found := LEFT_OUT.search(source, place)) is not None:
            kept.append(source[place : found.start()])
            place = found.end()
            if found["end"]:
                # TeX stops here at the end of the whole document, else at the end of the line
                line_end = source.find("\n", place)
                source = source[
                    : place if whole and "document" in found["end"] else line_end if line_end >= 0 else None
                ]
            elif found["inline"]:
                place = _inline_end(source, found["inline"], place)
            elif found["environment"] in self._not_latex:
                close = source.find(f"\\end{{{found['environment']}}}", place)
                if close < 0:
                    line = source.count("\n", 0, found.start()) + 1
                    reason = "it has no end, so the rest of the file is not read"
                    self.warnings.append(describe(NotFollowed(file, line, found.group(), reason)))
                    return "".join(kept)
                kept.append("\n" * source.count("\n", found.start(), close))
                place = close + len(f"\\end{{{found['environment']}}}")
            elif not found["comment"]:
                kept.append(found.group())
        return "".join(kept) + source[place:]


def _inline_end(source: str, command: str, place: int) -> int:
    """Where inline code ends: at its own delimiter on the same line, or at the brace that closes it."""
    if command.startswith("\\mintinline"):
        language = FOLDER.match(source, place)
        place = place if language is None else language.end()
    window = source[place : place + MAX_INLINE]
    if window.startswith("{") and not command.startswith("\\verb"):
        depth = 0
        for brace in BRACE.finditer(window):
            depth += 1 if brace.group() == "{" else -1
            if depth == 0:
                return place + brace.end()
        return place
    line = window.partition("\n")[0]
    return place + line.find(line[0], 1) + 1 if line else place


def _existing(name: str, folders: tuple[Path, ...]) -> Path | None:
    """The file that LaTeX reads for this name: with .tex first, then as it stands."""
    for folder in folders:
        for candidate in (folder.joinpath(f"{name}.tex"), folder.joinpath(name)):
            if os.path.isfile(candidate):
                return candidate
    return None
