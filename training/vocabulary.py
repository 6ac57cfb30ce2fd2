"""Make the vocabulary of everyday nouns, `ris_ros/grounding/data/nouns.tsv`, from WordNet 3.0.

    apt-get download wordnet-base && dpkg -x wordnet-base_*.deb WORDNET
    pip install wordfreq
    python -m training.vocabulary WORDNET/usr/share/wordnet

A noun is taken if it is frequent, if the sense of a physical object is among its main ones, and if that object can be
seen. `training/words` corrects this where frequency and sense counts mislead:

    everyday.tsv    names with their senses, and with broader names that WordNet lacks: all of them are taken
    lvis.tsv        category names of a data set of photographs, with their senses: all of them are taken
    not_rivals.txt  words that name nothing that stands out in a picture, or are seldom meant so: no rivals
    left_out.txt    offensive words, besides those that WordNet calls so
"""

from __future__ import annotations

import argparse
import math
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

WORDS = Path(__file__).parent / "words"
PACKAGE = Path(__file__).parent.parent / "ris_ros"
OUTPUT = PACKAGE / "grounding" / "data" / "nouns.tsv"
EVERYDAY = PACKAGE / "language" / "data" / "everyday.tsv"

ROOTS = ("artifact.n.01", "animal.n.01", "plant.n.02", "food.n.01", "food.n.02", "person.n.01", "plant_organ.n.01",
         "beverage.n.01", "natural_object.n.01", "fungus.n.01", "body_part.n.01", "geological_formation.n.01")
"""Everything that is taken is of one of these kinds."""
NOT_BELOW = (
    "way.n.06", "facility.n.01", "creation.n.02", "commodity.n.01", "line.n.18", "opening.n.10", "surface.n.01",
    "layer.n.02", "drug.n.01", "fabric.n.01", "computer_store.n.01", "memory.n.04", "geographical_area.n.01",
    "microorganism.n.01", "software.n.01", "internal_organ.n.01", "bone.n.01", "muscle.n.01", "tissue.n.01",
    "tract.n.06", "celestial_body.n.01", "body.n.01", "nucleus.n.01", "passage.n.03", "foodstuff.n.01",
    "nutriment.n.01",
    "leader.n.01", "unfortunate.n.01", "unpleasant_person.n.01", "bad_person.n.01", "wrongdoer.n.01", "deity.n.01",
    "relative.n.01", "inhabitant.n.01", "religionist.n.01", "adherent.n.01", "communicator.n.01", "expert.n.01",
    "intellectual.n.01", "capitalist.n.02", "controversialist.n.01", "nonworker.n.01", "user.n.01", "simpleton.n.01",
    "peer.n.01", "ruler.n.01", "sexual_activity.n.01", "enemy.n.02", "slave.n.01", "lover.n.01", "principal.n.02",
    "parasite.n.01", "fossil.n.02", "explosive_device.n.01", "decoration.n.02", "art.n.01", "blood.n.01",
    "nervous_system.n.01", "gland.n.01", "reproductive_organ.n.01", "cell.n.02", "excavation.n.03")
"""Kinds without an outline or a place in a picture, and whatever is below them, unless a list names it."""
MIN_FREQUENCY = 2.55
"""Least zipf frequency (log10 of the uses in a billion words, for the sense that is meant) of a name that rivals."""
MIN_KNOWN_FREQUENCY = 1.3
"""The same for a word that is only known: it is related to names, but is no rival of them."""
MIN_SHARE, MIN_KNOWN_SHARE = 0.3, 0.1
"""Least share of the uses of a word that is in the sense, for a name and for a synonym."""
DEMOGRAPHIC = frozenset({"person", "adult", "man", "woman", "child", "boy", "girl", "baby", "toddler", "teenager",
                         "male", "female"})
"""Names that hold for people of any role: a man may be a nurse, but no woman."""
OFFENSIVE = ("slur", "offensive", "obscene", "vulgar", "disparaging", "derogatory", "contempt", "prostitut")
"""What WordNet says of offensive senses."""
WHEELED_CONTAINER = "wheeled vehicle", 3094503
"""A line of WordNet that is left out: that wheeled vehicles are containers (its synset)."""
TOO_BROAD = frozenset({
    "artifact", "instrumentation", "natural object", "chordate", "vertebrate", "placental", "medium", "plant organ",
    "plant part", "reproductive structure", "vascular plant", "woody plant", "nutrition", "commodity", "consumer goods",
    "durable goods", "fixings", "food product", "starches", "toilet articles", "creation", "covering", "spore",
    "formation", "natural elevation", "foodstuff", "herb", "body part", "external body part", "structure", "article",
    "ware", "green goods"})
"""Broader names that nobody uses for an object."""
MAX_KINDS = 40
"""A name with more names below it, such as "device", is too broad to be a rival."""


@dataclass
class Synset:
    """A sense of WordNet: its words, the commonest first, and the senses above it."""

    words: list[str]
    above: list[int]
    is_instance: bool
    is_offensive: bool


@dataclass
class Row:
    """A name, its synonyms, the synsets that they stand for, and its frequency."""

    name: str
    synsets: set[int] = field(default_factory=set)
    synonyms: set[str] = field(default_factory=set)
    also: set[str] = field(default_factory=set)
    is_rival: bool = True
    is_listed: bool = False
    frequency: float = 0.0


class WordNet:
    """The nouns of WordNet 3.0, read from its data files."""

    def __init__(self, folder: Path):
        self.synsets: dict[int, Synset] = {}
        for line in _lines(folder / "data.noun"):
            content, _, gloss = line.partition(" | ")
            fields = content.split()
            count = int(fields[3], 16)
            # "Band_Aid(p)": syntactic markers in brackets.
            words = [fields[4 + 2 * i].split("(")[0].replace("_", " ") for i in range(count)]
            pointers = fields[5 + 2 * count:]
            above = [int(pointers[i + 1]) for i in range(0, len(pointers) - 3, 4)
                     if pointers[i] in ("@", "@i") and (words[0], int(pointers[i + 1])) != WHEELED_CONTAINER]
            is_instance = any(pointers[i] == "@i" for i in range(0, len(pointers) - 3, 4))
            is_offensive = any(mark in gloss for mark in OFFENSIVE)
            self.synsets[int(fields[0])] = Synset(words, above, is_instance, is_offensive)
        self.senses: dict[str, list[int]] = {}
        for line in _lines(folder / "index.noun"):
            fields = line.split()
            self.senses[fields[0].replace("_", " ")] = [int(offset) for offset in fields[-int(fields[2]):]]
        self._counts: Counter[tuple[str, int]] = Counter()
        self._other_counts: Counter[str] = Counter()
        for line in (folder / "cntlist.rev").read_text().splitlines():
            key, sense, count_text = line.split()
            word, _, kind = key.partition("%")
            if kind.startswith("1"):
                self._counts[word.replace("_", " "), int(sense)] = int(count_text)
            else:
                self._other_counts[word.replace("_", " ")] += int(count_text)
        self.ancestors = cache(self._ancestors)

    def find(self, name: str) -> int | None:
        """Return the synset of a name such as "cup.n.01"; None where WordNet has none, as for LVIS's own names."""
        word, _, sense = name.rpartition(".n.")
        senses = self.senses.get(word.replace("_", " ").lower(), [])
        return senses[int(sense) - 1] if len(senses) >= int(sense) else None

    def _ancestors(self, synset: int) -> frozenset[int]:
        """Return a synset and everything above it."""
        return frozenset({synset}).union(*(self.ancestors(above) for above in self.synsets[synset].above))

    def share(self, word: str, synset: int) -> float:
        """Return the share of the uses of a word, as any part of speech, that is in this sense."""
        senses = self.senses.get(word.lower(), [])
        if synset not in senses:
            return 0.0
        # Half a use for each sense that was not counted, less for later ones: WordNet lists common senses first.
        uses = [self._counts[word.lower(), i + 1] + 0.5 / (i + 1) for i in range(len(senses))]
        return uses[senses.index(synset)] / (sum(uses) + self._other_counts[word.lower()])


def make_rows(wordnet: WordNet, zipf: Callable[[str], float]) -> list[Row]:
    """Choose names, synonyms and known words."""
    rows = _listed_rows(wordnet)
    listed = {synset for row in rows.values() for synset in row.synsets}
    taken = {word for row in rows.values() for word in (row.name, *row.synonyms)}
    not_rivals, left_out = ({word for line in _lines_of(file) for word in line.split()}
                            for file in ("not_rivals.txt", "left_out.txt"))
    person = wordnet.find("person.n.01")
    roots, banned = ({wordnet.find(name) for name in names} for names in (ROOTS, NOT_BELOW))
    for offset, synset in wordnet.synsets.items():
        above = wordnet.ancestors(offset)
        if offset in listed or synset.is_instance or synset.is_offensive or not above & roots:
            continue
        shares = {word: wordnet.share(word, offset) for word in synset.words
                  if word.islower() and word not in taken and word.replace(" ", "").isalpha()
                  and not set(word.split()) & left_out}
        scored = [(zipf(word) + math.log10(share), word) for word, share in shares.items() if share >= MIN_KNOWN_SHARE]
        if not scored or max(scored)[0] < MIN_KNOWN_FREQUENCY:
            continue
        frequency, name = max(scored)
        last = name.split()[-1]
        if " " in name and any(last in wordnet.synsets[one].words for one in above - {offset}):
            continue  # "Common alder" is understood by its last word.
        if name in rows and person in above:
            continue  # The name of an animal or a dish that is also said of people: "fox".
        row = rows.setdefault(name, Row(name, is_rival=False))
        row.synsets.add(offset)
        row.synonyms.update(word for _, word in scored)
        row.is_rival |= (frequency >= MIN_FREQUENCY and shares[name] >= MIN_SHARE and " " not in name
                         and person not in above and not above & banned and name not in not_rivals)
    for row in rows.values():
        row.synonyms = {word for word in row.synonyms - {row.name} if not set(word.split()) & left_out}
        row.frequency = zipf(row.name)
        if row.name not in DEMOGRAPHIC and any(person in wordnet.ancestors(synset) for synset in row.synsets):
            row.also.update(DEMOGRAPHIC & rows.keys())
    return sorted(rows.values(), key=lambda row: row.name)


def _listed_rows(wordnet: WordNet) -> dict[str, Row]:
    """Return the rows of the lists in training/words, by name."""
    rows: dict[str, Row] = {}
    by_synset: dict[int, Row] = {}
    own: list[tuple[bool, str, str, str]] = []
    for line in _lines_of("everyday.tsv"):
        names, senses, also = [*_fields(line), "", ""][:3]
        own.append((False, names, senses, also))
    lvis = [(True, names, senses, "") for senses, names in map(_fields, _lines_of("lvis.tsv"))]
    for is_category, names, senses, also in own + lvis:
        name, *synonyms = names.split("|")
        synsets = [synset for sense in senses.split("|") if sense and (synset := wordnet.find(sense)) is not None]
        if not is_category and senses.count("|") + bool(senses) != len(synsets):
            raise ValueError(f"everyday.tsv: {names} has a sense that WordNet does not have: {senses}")
        # A category whose sense everyday.tsv has adds its synonyms there.
        row = next((by_synset[synset] for synset in synsets if is_category and synset in by_synset), None)
        row = row or rows.setdefault(name, Row(name, is_listed=True))
        row.synonyms.update(synonyms if row.name == name else [name, *synonyms])
        row.synsets.update(synsets)
        row.also.update(filter(None, also.split("|")))
        for synset in synsets:
            by_synset.setdefault(synset, row)
            row.synonyms.update(word.lower() for word in wordnet.synsets[synset].words
                                if wordnet.share(word, synset) >= MIN_KNOWN_SHARE)
    return rows


def broader_names(wordnet: WordNet, rows: list[Row]) -> dict[str, list[str]]:
    """Return, for each name, the names of the list that are broader."""
    by_synset: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        for synset in row.synsets:
            by_synset[synset].add(row.name)
    above = {row.name: {name for synset in row.synsets for ancestor in wordnet.ancestors(synset)
                        for name in by_synset.get(ancestor, ())} for row in rows}
    named = {row.name: row for row in rows}
    if unknown := {name for row in rows for name in row.also} - above.keys():
        raise ValueError(f"broader names that are in no list: {', '.join(sorted(unknown))}")
    broader = {}
    for row in rows:
        # What a list says of a name holds for whatever is below that name.
        also = row.also | {one for name in above[row.name] if named[name].is_listed for one in named[name].also}
        below_also = {one for name in also for one in above[name]}
        broader[row.name] = sorted((above[row.name] | also | below_also) - {row.name} - TOO_BROAD)
    return broader


def write(rows: list[Row], broader: dict[str, list[str]], output: Path) -> None:
    """Write the table."""
    below = Counter(name for above in broader.values() for name in above)
    output.parent.mkdir(exist_ok=True)
    lines = [HEAD]
    for row in rows:
        is_rival = row.is_rival and (row.is_listed or below[row.name] <= MAX_KINDS)
        lines.append("\t".join([row.name, "|".join(sorted(row.synonyms)), "|".join(broader[row.name]),
                                f"{row.frequency:.1f}" if is_rival else ""]) + "\n")
    output.write_text("".join(lines))


HEAD = """\
# Everyday nouns. Made by `python -m training.vocabulary`, which says how; edit the lists in training/words instead.
# Columns: name, synonyms, broader names, frequency (zipf; empty: a name that is known, but no rival of others).
# From WordNet 3.0, Copyright 2006 by Princeton University, all rights reserved: see NOTICE beside this file.
"""


def everyday(nouns: str) -> str:
    """Return the table of single words to which typos are corrected, from the table of nouns."""
    rows = [line.split("\t") for line in nouns.splitlines() if not line.startswith("#")]
    words = sorted((-float(frequency), name) for name, *_, frequency in rows
                   if frequency and name.isalpha() and len(name) > 2)
    head = "# Everyday objects and log10 of their uses in a billion words. Made by `python -m training.vocabulary`.\n"
    return head + "".join(f"{name}\t{-frequency}\n" for frequency, name in words)


def _lines(path: Path) -> list[str]:
    """Return the lines of a file of WordNet without those of its licence."""
    return [line for line in path.read_text().splitlines() if not line.startswith("  ")]


def _lines_of(name: str) -> list[str]:
    lines = (WORDS / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _fields(line: str) -> list[str]:
    return line.split("\t")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wordnet", type=Path, help="folder of WordNet's data files")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    import wordfreq

    def zipf(word: str) -> float:
        # Wordfreq estimates the frequency of several words from those of each, which is far too high.
        return wordfreq.zipf_frequency(word, "en") - 1.5 * word.count(" ")

    wordnet = WordNet(options.wordnet)
    rows = make_rows(wordnet, zipf)
    write(rows, broader_names(wordnet, rows), options.output)
    EVERYDAY.write_text(everyday(options.output.read_text()))
    print(f"{sum(row.is_rival for row in rows)} names, {len(rows)} with those that are only known: {options.output}")


if __name__ == "__main__":
    main()
