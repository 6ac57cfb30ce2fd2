"""Commands: `python -m training.reader generate`, `train FOLDER` and `measure FOLDER`."""

from __future__ import annotations

import argparse
from pathlib import Path

from ris_ros.config import LanguageConfig
from ris_ros.language import ExpressionParser
from ris_ros.language.english import English
from ris_ros.language.models import load_spacy_model
from training.reader import measure
from training.reader.generator import Generator
from training.reader.train import Recipe, train


def main() -> None:
    """Run a command."""
    arguments = argparse.ArgumentParser(prog="python -m training.reader", description=__doc__)
    commands = arguments.add_subparsers(dest="command", required=True)
    generate = commands.add_parser("generate", help="print generated expressions")
    generate.add_argument("--number", type=int, default=20)
    training = commands.add_parser("train", help="train a reader, or continue")
    training.add_argument("folder", type=Path)
    training.add_argument("--passes", type=int, default=Recipe.passes)
    training.add_argument("--generated", type=int, default=Recipe.generated, help="generated trees")
    training.add_argument("--copies", type=int, default=Recipe.copies, help="of the treebank, with other words")
    training.add_argument("--held-out", type=int, help="a fold of the treebank to leave out, 0 to 4")
    training.add_argument("--seed", type=int, default=0)
    measuring = commands.add_parser("measure", help="measure a reader")
    measuring.add_argument("folder", nargs="?", default="", help="default: the package's reader")
    measuring.add_argument("--sets", nargs="+", default=list(measure.SETS[:-1]),
                           help=f"of {', '.join(measure.SETS)}, or files of annotated expressions")
    measuring.add_argument("--fold", type=int, default=0, help="the fold that was held out")
    measuring.add_argument("--shown", type=int, default=0, help="errors to print for each set")
    measuring.add_argument("--limit", type=int, help="about how many expressions of each set to read")
    given = arguments.parse_args()
    if given.command == "measure":
        parser = ExpressionParser(LanguageConfig(reader=given.folder))
        measure.measure(parser, given.sets, fold=given.fold, shown=given.shown, limit=given.limit)
        return
    english = English(load_spacy_model("en_core_web_sm", exclude=["ner", "parser", "tagger", "tok2vec"]))
    if given.command == "generate":
        for tree in Generator(english.lemma).trees(given.number):
            print(" ".join(tree.words[1:]))
    else:
        train(given.folder, Recipe(given.held_out, given.generated, given.copies, seed=given.seed,
                                   passes=given.passes), english)


if __name__ == "__main__":
    main()
