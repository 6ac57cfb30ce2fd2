"""Training of the reader: a seeded run over the treebank and generated trees that continues where it was stopped."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed, load_config, minibatch
from spacy.vocab import Vocab
from thinc.api import use_ops
from tqdm import tqdm

from ris_ros.language.english import English
from ris_ros.language.reader import CARD, CONFIG, WEIGHTS, load_reader, to_doc
from ris_ros.language.tree import Tree
from training.reader.augmentation import augmented
from training.reader.generator import Generator
from training.reader.tree import from_row, read

PIPELINE = Path(__file__).parent / "config.cfg"
TREEBANK = Path(__file__).parent / "treebank.jsonl"
FOLDS = 5
_STATE = "training.bin"
_DEV_ROWS = 500


@dataclass(frozen=True)
class Recipe:
    """What a reader learns from.

    Attributes
    ----------
    held_out : a fold of the treebank that is not learnt from; None: all is
    generated : number of generated trees
    copies : of every tree of the treebank, with other nouns and colours
    slips : share of the copies in which a word is mistyped
    dropout : share of the activations that are left out
    seed : of everything that is drawn
    passes : over the trees
    rate : the learning rate at the start, which falls to nothing

    """

    held_out: int | None = None
    generated: int = 12_000
    copies: int = 1
    slips: float = 0.2
    dropout: float = 0.2
    seed: int = 0
    passes: int = 12
    rate: float = 0.001


def fold_of(text: str) -> int:
    """Return the fold of a text, which does not depend on the other texts."""
    return sum(text.encode()) % FOLDS


def trees_of(recipe: Recipe, english: English) -> tuple[list[Tree], list[Tree]]:
    """Return the trees to learn from, and those to watch: of the fold that is held out, else of the treebank."""
    rows = list(read(TREEBANK))
    learnt = [from_row(row) for row in rows if fold_of(row["text"]) != recipe.held_out]
    watched = [from_row(row) for row in rows if recipe.held_out is None or fold_of(row["text"]) == recipe.held_out]
    generator = Generator(english.lemma, recipe.seed)
    copies = augmented(learnt, generator, copies=recipe.copies, slips=recipe.slips, seed=recipe.seed)
    return [*learnt, *copies, *generator.trees(recipe.generated)], watched[::max(1, len(watched) // _DEV_ROWS)]


@use_ops("numpy", use_blis=False)           # NumPy's products are up to five times as fast as BLIS's, by the processor
def train(folder: Path, recipe: Recipe, english: English, *, start: Path | None = None,
          words_per_batch: int = 800) -> Language:
    """Train a reader; it is stored after every pass, and a later run continues after the last one.

    Parameters
    ----------
    folder : where it is stored
    recipe : what it learns from
    english : knows the words
    start : folder of a reader to go on from; None: from nothing
    words_per_batch : of the trees that are learnt from at a time

    """
    fix_random_seed(recipe.seed)
    nlp = spacy.util.load_model_from_config(load_config(PIPELINE), auto_fill=True)
    learnt, watched = ([_example(nlp.vocab, tree, english) for tree in trees] for trees in trees_of(recipe, english))
    optimizer = nlp.initialize(lambda: learnt[:6000])
    done = int((folder / _STATE).read_text()) if (folder / _STATE).is_file() else 0
    if (source := folder if done else start) is not None:
        nlp = load_reader(source)
    total = sum(len(example.reference) for example in learnt)
    for number in range(done, recipe.passes):
        chance = random.Random(1000 * recipe.seed + number)
        chance.shuffle(learnt)
        losses: dict[str, float] = {}
        seen = 0
        with tqdm(total=total, unit="word", desc=f"pass {number + 1} of {recipe.passes}", mininterval=5) as bar:
            for batch in minibatch(learnt, size=_sizes(words_per_batch, total / len(learnt))):
                optimizer.learn_rate = recipe.rate * (1 - (number + seen / total) / recipe.passes)
                nlp.update(batch, sgd=optimizer, losses=losses, drop=recipe.dropout)
                words = sum(len(example.reference) for example in batch)
                seen += words
                bar.update(words)
        scores = nlp.evaluate(watched)
        save_reader(nlp, folder, **asdict(recipe), trees=len(learnt), spacy=spacy.__version__)
        (folder / _STATE).write_text(str(number + 1))
        print(f"pass {number + 1}: loss {losses['parser']:.0f}, governors {100 * scores['dep_uas']:.1f} %, "
              f"with labels {100 * scores['dep_las']:.1f} %", flush=True)
    return nlp


def _example(vocab: Vocab, tree: Tree, english: English) -> Example:
    read = to_doc(vocab, tree.words[1:], english)
    meant = Doc(vocab, words=list(tree.words), lemmas=[token.lemma_ for token in read], heads=list(tree.heads),
                deps=["ROOT", *tree.labels[1:]])
    return Example(read, meant)


def save_reader(nlp: Language, folder: Path, **facts: Any) -> None:
    """Write a reader to a folder, with facts about it on its card."""
    state = nlp.to_bytes(exclude=["tokenizer", "vocab"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(nlp.config.to_str(), encoding="utf-8")
    (folder / WEIGHTS).write_bytes(state)
    card = {"sha256": hashlib.sha256(state).hexdigest(), **facts}
    (folder / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def _sizes(words: int, mean: float) -> Iterator[int]:
    while True:
        yield max(1, int(words / mean))
