"""The reader: a small spaCy parser that was trained on the treebank in `training/reader`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ris_ros.errors import MissingError, reading
from ris_ros.language.english import SENSES, English
from ris_ros.language.lists import WORDS
from ris_ros.language.names import number
from ris_ros.language.tree import LABELS, REQUEST, Tree
from ris_ros.utils.files import read_bundled
from ris_ros.utils.spacy_models import light_import

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc
    from spacy.vocab import Vocab

BUNDLED_READER = Path(__file__).parents[1] / "models" / "reader"
CONFIG, WEIGHTS, CARD = "config.cfg", "reader.bin", "reader.json"
"""Files of a reader: the configuration of the pipeline, its state as msgpack, and facts about it."""
BEAM_WIDTH = 4
"""Number of readings that are weighed."""
DOUBTFUL = 0.2
"""Share of readings with another meaning from which on a reading is doubtful."""
_LISTS = {"direction": "directions", "ordinal": "ordinals", "superlative": "superlatives", "colour": "colours",
          "determiner": "determiners", "generic": "generic", "pronoun": "pronouns"}


def load_reader(folder: Path | None = None) -> Language:
    """Load a reader from a folder; None: the package's own, whose sum is compared with that on its card.

    Raises a MissingError if the folder has none or the package's own is damaged, an InputError if it cannot be read.
    """
    where = folder or BUNDLED_READER
    try:
        config = (where / CONFIG).read_bytes()
        state = (where / WEIGHTS).read_bytes() if folder else read_bundled(where / WEIGHTS, where / CARD, "reader")
    except OSError as error:
        raise MissingError(f"no reader in {where}: set language.reader to a folder that `python -m training.reader "
                           "train` made, or to nothing") from error
    with light_import():
        import spacy
    with reading(f"the reader in {where}"):
        nlp = spacy.util.load_model_from_config(spacy.util.load_config_from_str(config.decode()), auto_fill=True)
        for label in ("ROOT", "dep", *LABELS):
            nlp.vocab.strings.add(label)
        return nlp.from_bytes(state, exclude=["tokenizer", "vocab"])


def kind_of(word: str, english: English) -> str:
    """Return a summary of what the word lists say of a word: "noun alive plural", "noun verb order", "colour"."""
    if number(word) is not None:
        return "number"
    if listed := [kind for kind, name in _LISTS.items() if word in WORDS[name]]:
        return " ".join(listed)
    lemma = english.lemma(word)
    said = [sense for sense in SENSES if english.has_sense(word, sense)]
    said += [kind for kind, name in (("alive", "alive"), ("clothes", "clothes"), ("room", "rooms"))
             if lemma in WORDS[name] or word in WORDS[name]]
    said += ["plural"] * (lemma != word) + ["order"] * (word in WORDS["verbs"])
    return " ".join([*said, *(ending for ending in ("ing", "ed") if word.endswith(ending))]) or "none"


def to_doc(vocab: Vocab, words: Sequence[str], english: English) -> Doc:
    """Return the document that the parser reads, with the request as its first word."""
    from spacy.tokens import Doc

    return Doc(vocab, words=[REQUEST, *words], lemmas=["", *(kind_of(word, english) for word in words)],
               sent_starts=[True, *[False] * len(words)])


@dataclass(frozen=True)
class Reading:
    """The readings of a text that were weighed, the best first, each with its share of their probability."""

    weighed: tuple[tuple[float, Tree], ...]

    @property
    def tree(self) -> Tree:
        """The best reading."""
        return self.weighed[0][1]

    @property
    def sureness(self) -> tuple[float, ...]:
        """For each word the share of the readings that give it the label that the best one does, 0 to 1."""
        return tuple(min(1.0, sum(share for share, other in self.weighed if other.labels[i] == label))
                     for i, label in enumerate(self.tree.labels))

    def doubt(self, meaning: Callable[[Tree], object]) -> str:
        """Return the first word that another probable meaning reads otherwise; empty if all others are improbable.

        `meaning` returns what a reading means. Many readings that differ in words without effect mean the same.
        """
        if self.weighed[0][0] > 1 - DOUBTFUL:
            return ""
        meant = meaning(self.tree)
        others = [(share, other) for share, other in self.weighed[1:] if meaning(other) != meant]
        if sum(share for share, _ in others) < DOUBTFUL:
            return ""
        _, other = others[0]
        return next(word for word, *said in zip(self.tree.words, zip(self.tree.labels, self.tree.heads, strict=True),
                                                zip(other.labels, other.heads, strict=True), strict=True)
                    if said[0] != said[1])


class Reader:
    """Reader of expressions, by a trained pipeline and word lists."""

    def __init__(self, nlp: Language, english: English):
        self._nlp, self._english = nlp, english
        self.read = lru_cache(maxsize=8)(self._read)

    def _read(self, words: tuple[str, ...]) -> Reading:
        """Return the readings of an expression's words; those of the last few expressions are kept."""
        doc = self._nlp.get_pipe("tok2vec")(to_doc(self._nlp.vocab, words, self._english))
        parser: Any = self._nlp.get_pipe("parser")
        [beam] = parser.beam_parse([doc], beam_width=BEAM_WIDTH)
        parses = parser.moves.get_beam_parses(beam) or [(1.0, [])]
        total = sum(share for share, _ in parses)
        return Reading(tuple((share / total, _to_tree(doc, arcs)) for share, arcs in parses))


def _to_tree(doc: Doc, arcs: Iterable[tuple[int, int, str]]) -> Tree:
    """Return the tree of a document, by its arcs: governor, word and label.

    Words that the parser attached to nothing are only said. If it found no target, the first noun that is no verb
    becomes one.
    """
    heads, labels = [0] * len(doc), ["root", *["said"] * (len(doc) - 1)]
    for head, word, label in arcs:
        if head != word and label not in ("ROOT", "dep", ""):
            heads[word], labels[word] = head, label
    if not any(label != "said" and head == 0 for head, label in zip(heads[1:], labels[1:], strict=True)):
        noun = next((token.i for token in doc[1:] if token.lemma_.startswith(("noun", "generic"))
                     and "verb" not in token.lemma_), None)
        if noun is not None:
            heads[noun], labels[noun] = 0, "target"
    return Tree(tuple(token.text for token in doc), tuple(heads), tuple(labels))
