"""Training of the reader: a seeded run over the treebank and generated trees that continues where it was stopped."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.util import fix_random_seed, load_config, minibatch
from tqdm import tqdm

from ris_ros.language.english import English
from training.reader.augmentation import augmented
from training.reader.features import doc, tagged
from training.reader.generator import Generator
from training.reader.tree import from_row, read
from training.reader.treebank import TREEBANK

CONFIG = Path(__file__).parent / "config.cfg"
FOLDS = 5


def fold_of(text: str) -> int:
    """Return the fold of a text, which does not depend on the other texts."""
    return sum(text.encode()) % FOLDS


def prepare(folder: Path, english: English, *, generated: int, held_out: int | None, seed: int = 0,
            limit: int | None = None) -> tuple[int, int]:
    """Write the documents to learn from, `train.spacy`, and to watch, `dev.spacy`.

    Parameters
    ----------
    folder : where they go
    english : tags the words
    generated : number of generated trees
    held_out : fold of the treebank that is only watched; None: a twentieth of it is watched and learnt from
    seed : of the generator
    limit : the number of rows of the treebank to use; None for all

    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = list(read(TREEBANK))[:limit]
    dev = [row for row in rows if fold_of(row["text"]) == held_out] if held_out is not None else rows[::20]
    train = [from_row(row) for row in rows if fold_of(row["text"]) != held_out]
    generator = Generator(english.lemma, seed)
    copies = list(augmented(train, generator, english.lemma, copies=2, slips=0.15, seed=seed))
    train += [*copies, *generator.trees(generated)]
    vocab = spacy.blank("en").vocab
    parts = {"train": train, "dev": list(map(from_row, dev))[:300]}
    for name, trees in parts.items():
        docs = [doc(vocab, tree.words[1:], tags, english, tree) for tree, tags in tagged(trees, english)]
        DocBin(attrs=["ORTH", "TAG", "LEMMA", "HEAD", "DEP"], docs=docs).to_disk(folder / f"{name}.spacy")
    return len(parts["train"]), len(parts["dev"])


def train(folder: Path, *, passes: int, seed: int = 0, words_per_batch: int = 800) -> Language:
    """Train on `train.spacy` of a folder; every pass is stored in it, and a later run continues after the last one."""
    fix_random_seed(seed)
    nlp = spacy.util.load_model_from_config(load_config(CONFIG), auto_fill=True)
    examples = list(_examples(nlp, folder / "train.spacy"))
    dev = list(_examples(nlp, folder / "dev.spacy"))
    stored, done = folder / "model", 0
    optimizer = nlp.initialize(lambda: examples[:4000])
    if (stored / "state.json").is_file():
        done = json.loads((stored / "state.json").read_text(encoding="utf-8"))["passes"]
        nlp.from_disk(stored)
    total = sum(len(example.reference) for example in examples)
    for number in range(done, passes):
        chance = random.Random(1000 * seed + number)
        chance.shuffle(examples)
        optimizer.learn_rate = 0.001 * (1 - number / passes)
        losses: dict[str, float] = {}
        with tqdm(total=total, unit="word", desc=f"pass {number + 1} of {passes}", mininterval=5) as bar:
            for batch in minibatch(examples, size=_sizes(words_per_batch, total / len(examples))):
                nlp.update(batch, sgd=optimizer, losses=losses, drop=0.1)
                bar.update(sum(len(example.reference) for example in batch))
        nlp.to_disk(stored)
        scores = nlp.evaluate(dev)
        (stored / "state.json").write_text(json.dumps({"passes": number + 1}), encoding="utf-8")
        print(f"pass {number + 1}: loss {losses['parser']:.0f}, governors {100 * scores['dep_uas']:.1f} %, "
              f"with labels {100 * scores['dep_las']:.1f} %", flush=True)
    return nlp


def _sizes(words: int, mean: float) -> Iterator[int]:
    while True:
        yield max(1, int(words / mean))


def _examples(nlp: Language, path: Path) -> Iterator[Example]:
    for reference in DocBin().from_disk(path).get_docs(nlp.vocab):
        predicted = Doc(nlp.vocab, words=[token.text for token in reference],
                        sent_starts=[token.i == 0 for token in reference])
        for token, other in zip(predicted, reference, strict=True):
            token.tag_, token.lemma_ = other.tag_, other.lemma_
        yield Example(predicted, reference)


def load(folder: Path) -> Language:
    """Return the trained pipeline of a folder."""
    return spacy.load(folder / "model")
