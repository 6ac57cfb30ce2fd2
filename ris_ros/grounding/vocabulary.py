"""Everyday nouns: the names that a description is contrasted with, and how they are related.

A rival of a name is what the object would be called if it were something else. A synonym is none ("couch" for "sofa"),
nor a kind ("mug" for "cup"), nor a broader name ("vehicle" for "car"). The names come from `data/nouns.tsv`, which
`training/vocabulary.py` makes, and from the user's file (setting `matching.names`):

    # lines that begin with "#" are comments, but for "# replace" in the first line
    pipette tip|tip
    centrifuge	machine|appliance

A line is a name with its synonyms, and after a tab the broader names, if any. The names are added to those of the
package; with `# replace` in the first line, only they are contrasted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

import numpy as np

from ris_ros.errors import InputError, one_line
from ris_ros.grounding import thresholds as t

STOCK = Path(__file__).parent / "data" / "nouns.tsv"
MAX_NAMES = 5000
"""Names that a user's file may have: more would make every command slower."""


@dataclass(frozen=True, slots=True)
class Name:
    """One row: a name, its synonyms, its broader names, and whether and how strongly it rivals others.

    Attributes
    ----------
    frequency : log10 of the uses in a billion words; None for a word that is known but contrasted with nothing
    is_own : whether it comes from the user

    """

    name: str
    synonyms: tuple[str, ...]
    broader: tuple[str, ...]
    frequency: float | None
    is_own: bool = False


class Vocabulary:
    """Names of objects and their relations.

    Parameters
    ----------
    read : returns the rows; called when they are first needed

    """

    def __init__(self, read: Callable[[], Iterable[Name]]):
        self._read = read
        self.unrelated = lru_cache(maxsize=1024)(self._unrelated)

    @classmethod
    def load(cls, file: str = "") -> Vocabulary:
        """Return the package's vocabulary, with the names of a user's file if one is given.

        Raises
        ------
        InputError
            When the file cannot be read or has a line that names nothing.

        """
        return _load(file, Path(file).stat().st_mtime_ns if file and Path(file).is_file() else 0)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The K names that rival others."""
        return tuple(self._rows[i].name for i in self._rivals)

    @cached_property
    def own_names(self) -> tuple[str, ...]:
        """The names that come from the user."""
        return tuple(row.name for row in self._rows if row.is_own)

    @cached_property
    def _rows(self) -> tuple[Name, ...]:
        return tuple(self._read())

    @cached_property
    def _rivals(self) -> np.ndarray:
        return np.array([i for i, row in enumerate(self._rows) if row.frequency is not None], int)

    @cached_property
    def weights(self) -> np.ndarray:
        """How common each name is, relative to the others, float64 [K]."""
        weights: np.ndarray = 10 ** (t.FREQUENCY_EXPONENT * np.array(
            [self._rows[i].frequency for i in self._rivals], float))
        return weights

    def knows(self, head: str) -> bool:
        """Return whether a noun, in the singular or plural, or the last word of a compound, is in the vocabulary."""
        return bool(self._meanings(head))

    def are_related(self, head: str, other: str) -> bool:
        """Return whether one of two names is the other, a synonym, a kind or a broader name of it."""
        meanings, others = self._meanings(head), self._meanings(other)
        return head == other or bool(meanings & self._with_broader(others) or others & self._with_broader(meanings))

    def _unrelated(self, head: str) -> np.ndarray:
        """Return which names are rivals of a head, bool [K]; the result is cached and must not be changed."""
        meanings = self._meanings(head)
        related = self._with_broader(meanings).union(*(self._kinds.get(meaning, ()) for meaning in meanings))
        unrelated: np.ndarray = ~np.isin(self._rivals, list(related))
        return unrelated & np.array([name != head for name in self.names], bool)

    def _meanings(self, head: str) -> frozenset[int]:
        """Return the rows that a head stands for."""
        words = " ".join(head.lower().replace("_", " ").split())
        for candidate in (words, words.replace("-", " "), words.replace("-", ""), words.replace(" ", "")):
            if rows := frozenset().union(*(self._by_word.get(form, ()) for form in _singulars(candidate))):
                return rows
        _, _, last = words.replace("-", " ").rpartition(" ")
        return self._meanings(last) if last and last != words else frozenset()

    def _with_broader(self, rows: frozenset[int]) -> frozenset[int]:
        return rows.union(*(self._broader(row) for row in rows))

    def _broader(self, row: int) -> frozenset[int]:
        return frozenset().union(*(self._by_word.get(name, ()) for name in self._rows[row].broader))

    @cached_property
    def _by_word(self) -> dict[str, tuple[int, ...]]:
        rows: dict[str, tuple[int, ...]] = {}
        for i, row in enumerate(self._rows):
            for word in {row.name, *row.synonyms}:
                rows[word] = (*rows.get(word, ()), i)
        return rows

    @cached_property
    def _kinds(self) -> dict[int, set[int]]:
        """The rivals below each row."""
        kinds: dict[int, set[int]] = {}
        for i in self._rivals.tolist():
            for above in self._broader(i):
                kinds.setdefault(above, set()).add(i)
        return kinds


@cache
def _stock_rows() -> tuple[Name, ...]:
    rows = []
    for line in STOCK.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, synonyms, broader, frequency = line.split("\t")
            rows.append(Name(name, _split(synonyms), _split(broader), float(frequency) if frequency else None))
    return tuple(rows)


@lru_cache(maxsize=4)
def _load(file: str, _mtime_ns: int) -> Vocabulary:
    if not file:
        return Vocabulary(_stock_rows)
    own, replaces = _read_own(file)
    rows = _stock_rows()
    stock = {row.name: row for row in rows}
    named = {name for row in own for name in (row.name, *row.synonyms)}
    # What the package knows of a name still holds where the user gives it a synonym.
    own = [Name(row.name, (*row.synonyms, *stock[row.name].synonyms), (*row.broader, *stock[row.name].broader),
                row.frequency, True) if row.name in stock else row for row in own]
    kept = [Name(row.name, row.synonyms, row.broader, None if replaces else row.frequency)
            for row in rows if row.name not in named]
    return Vocabulary(lambda: [*own, *kept])


def _read_own(file: str) -> tuple[list[Name], bool]:
    try:
        lines = Path(file).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"matching.names: cannot read {file}: {one_line(error)}") from error
    rows: dict[str, Name] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.lower().split("\t")
        names, broader = _split(fields[0]), _split(fields[1]) if len(fields) == 2 else ()
        if len(fields) > 2 or not names or not all(any(map(str.isalnum, name)) for name in (*names, *broader)):
            raise InputError(f"matching.names: line {number} of {file} must be a name, such as cup|mug, and after a "
                             f"tab its broader names, if any, not {line[:40]!r}")
        rows[names[0]] = Name(names[0], names[1:], broader, 0.0, True)
    if not rows or len(rows) > MAX_NAMES:
        raise InputError(f"matching.names: {file} has {len(rows)} names; it must have 1 to {MAX_NAMES}")
    return list(rows.values()), "".join(lines[:1]).replace(" ", "").lower() == "#replace"


def _split(names: str) -> tuple[str, ...]:
    # Interned, as the same broader names stand in many rows.
    return tuple(sys.intern(" ".join(name.split())) for name in names.split("|") if name.strip())


def _singulars(noun: str) -> Iterable[str]:
    """Yield a noun, and what it may be the plural of."""
    yield noun
    for ending, singular in (("ies", "y"), ("ves", "f"), ("ves", "fe"), ("es", ""), ("s", ""), ("men", "man")):
        if noun.endswith(ending) and len(noun) > len(ending) + 1 and not noun.endswith("ss"):
            yield noun[:-len(ending)] + singular
    yield noun.replace("grey", "gray").replace("colour", "color").replace("tyre", "tire")
