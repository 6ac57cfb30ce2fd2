"""The code blocks of the README and the site, for the tests that run and check them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*(ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md", "training/reader/README.md")),
                *ROOT.glob("docs/**/*.md")])

MARK = re.compile(r"<!-- needs: (.+) -->")
FENCE = re.compile(r"^( *)```(\w*)")
PROGRAMS = {"ris", "ris_node", "ris_camera", "ros2", "python", "python3", "pip", "git", "source", "export", "colcon",
            "sudo", "rviz2", "ln", "cp", "cd", "fastdds", "rerun"}
"""First words by which an indented block is known to be one of shell commands; scripts/... are too."""
ASSIGNMENT = re.compile(r"^[A-Z_]+=")
SUBSTITUTION = re.compile(r"\$\([^)]*\)")
ENDS_COMMAND = {"&&", "||", "|", ";", "&"}
INLINE = re.compile(r"`((?:ris |scripts/\w+\b|ros2 launch ris_ros |python -m training\.)[^`\n]+)`")
"""A command within the text."""


@dataclass(frozen=True)
class Block:
    """A code block: its page, line, language ("" where none is given), text and what it `needs` that a test lacks."""

    page: Path
    line: int
    language: str
    text: str
    needs: str

    @property
    def where(self) -> str:
        """The place, for a test's name and message."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_shell(self) -> bool:
        """Whether it holds commands of a shell."""
        if self.language:
            return self.language in ("bash", "sh", "console")
        lines = [line for line in self.text.splitlines() if not line.startswith("#")]
        words = [word for word in lines[0].split() if not ASSIGNMENT.match(word)] if lines else []
        return bool(words) and (words[0] in PROGRAMS or words[0].startswith(("scripts/", ".venv/bin/")))

    @property
    def commands(self) -> list[list[str]]:
        """The words of each command."""
        text = self.text.replace("\\\n", " ")
        return [command for line in text.splitlines() for command in split(line)]


def split(line: str) -> list[list[str]]:
    """Return the words of each command of a line, without assignments, redirections and comments."""
    commands: list[list[str]] = [[]]
    for word in shlex.split(SUBSTITUTION.sub("SUBSTITUTED", line), comments=True):
        if word in ENDS_COMMAND:
            commands.append([])
        elif not (ASSIGNMENT.match(word) and not commands[-1]):
            commands[-1].append(word)
    return [words[:next((i for i, word in enumerate(words) if word in (">", "<")), len(words))]
            for words in commands if words]


def blocks_of(page: Path) -> list[Block]:
    """Return the fenced and indented code blocks of a page."""
    lines = page.read_text().splitlines()
    blocks, needs, i = [], "", 0
    while i < len(lines):
        if mark := MARK.search(lines[i]):
            needs = mark[1]
            i += 1
            continue
        start = i
        if fence := FENCE.match(lines[i]):
            end = next(j for j in range(i + 1, len(lines)) if lines[j].strip() == "```")
            text, language, i = [line[len(fence[1]):] for line in lines[i + 1:end]], fence[2], end + 1
        elif re.match(r"^ {4,}\S", lines[i]) and (not i or not lines[i - 1].strip() or MARK.search(lines[i - 1])):
            indent = len(lines[i]) - len(lines[i].lstrip())
            while i < len(lines) and (lines[i].startswith(" " * indent) or not lines[i].strip()):
                i += 1
            text, language = [line[indent:] for line in lines[start:i]], ""
        else:
            needs = needs if not lines[i].strip() else ""
            i += 1
            continue
        blocks.append(Block(page, start + 1, language, "\n".join(text).strip("\n"), needs))
        needs = ""
    return blocks


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
