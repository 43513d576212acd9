"""Markdown pages as the tests of the documentation read them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_INLINE_CODE = re.compile(r"`([^`\n]+)`")
_ROW = re.compile(r"^\| *(.*?) *\|$", re.MULTILINE)
_NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A fenced block. ``language`` and ``purpose`` are the words behind its fence."""

    language: str
    purpose: str
    text: str


def blocks_in(text: str) -> list[Block]:
    """The fenced blocks of a text."""
    blocks = []
    for info, inner in _FENCE.findall(text):
        language, _, purpose = info.partition(" ")
        blocks.append(Block(language=language, purpose=purpose, text=inner))
    return blocks


@dataclass(frozen=True, slots=True)
class Page:
    """One file of Markdown."""

    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    @property
    def prose(self) -> str:
        """What stands outside of fenced blocks."""
        return _FENCE.sub("", self.text)

    @property
    def blocks(self) -> list[Block]:
        return blocks_in(self.text)

    def blocks_below(self, heading: str) -> list[Block]:
        """Those between this heading, which is of the second level, and the next."""
        _, _, rest = self.text.partition(f"\n## {heading}\n")
        return blocks_in(rest.partition("\n## ")[0])

    def examples(self) -> Iterator[tuple[Block, Block]]:
        """Each block to be run, and the block that holds its answer, which
        is the next one."""
        blocks = iter(self.blocks)
        for block in blocks:
            if block.purpose == "runnable":
                answer = next(blocks, None)
                assert answer, f"{self.path}: no answer to {block.text}"
                assert answer.purpose == "answer", f"{self.path}: no answer to {block.text}"
                yield block, answer

    @property
    def heading_levels(self) -> list[int]:
        return [len(marks) for marks, _ in _HEADING.findall(self.prose)]

    @property
    def anchors(self) -> set[str]:
        """What headings can be linked to by, as GitHub makes it of them."""
        return {
            _NOT_IN_ANCHORS.sub("", heading.lower()).replace(" ", "-")
            for _, heading in _HEADING.findall(self.prose)
        }

    @property
    def links(self) -> list[str]:
        return _LINK.findall(self.prose)

    @property
    def inline_code(self) -> list[str]:
        return _INLINE_CODE.findall(self.prose)

    @property
    def rows(self) -> list[list[str]]:
        """The cells of every row of every table."""
        return [re.split(r" *\| *", row) for row in _ROW.findall(self.prose)]
