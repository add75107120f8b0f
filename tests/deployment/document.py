"""What a document says to do. Pure.

A part to be followed stands between `<!-- followed: NAME -->` and `<!-- end -->`. In it every ```console block is
commands (`$ `, continued by `> `) with what they answer, where `…` stands for anything, and a line of it alone for any
lines; every other block whose first line is `# /a/path` is a file to be written there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

ANYTHING: Final = "…"
_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PATH: Final = re.compile(r"# (/\S+)$")


@dataclass(frozen=True, slots=True)
class Command:
    """`text` may have several lines. `answer` is what the document promises."""

    text: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class File:
    path: str
    text: str


Step = Command | File


def part(document: str, name: str) -> list[Step]:
    """The steps of one part, in order. Raises LookupError when there is no such part, or nothing to do in it."""
    found = re.search(rf"<!-- followed: {re.escape(name)} -->\n(.*?)<!-- end -->", document, re.DOTALL)
    steps = [step for language, block in _FENCE.findall(found[1]) for step in _steps(language, block)] if found else []
    if not steps:
        raise LookupError(f"the document has no part {name!r} to follow")
    return steps


def _steps(language: str, block: str) -> Iterator[Step]:
    if language == "console":
        yield from _commands(block)
    elif named := _PATH.match(block.partition("\n")[0]):
        yield File(named[1], block)


def _commands(block: str) -> Iterator[Command]:
    for said in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        first, *others = said.rstrip("\n").split("\n")
        continued = [line[2:] for line in _while_continued(others)]
        yield Command("\n".join([first, *continued]), "\n".join(others[len(continued) :]))


def _while_continued(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("> "):
            return
        yield line


def keeps(answer: str, output: str) -> bool:
    """Whether what came out is what was promised; blanks at the end of lines and of the whole do not count."""
    pattern = "".join(_line(line) for line in answer.strip().splitlines())
    said = "".join(f"{line.rstrip()}\n" for line in output.strip().splitlines())
    return re.fullmatch(pattern, said) is not None


def _line(line: str) -> str:
    if line.strip() == ANYTHING:
        return r"(?:.*\n)*"
    return ".*".join(re.escape(part) for part in line.rstrip().split(ANYTHING)) + r"\n"
