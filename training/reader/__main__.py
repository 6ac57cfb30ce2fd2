"""Commands: `python -m training.reader train FOLDER`, `measure`, `add TEXT...`, `compare FOLDER` and `generate`."""

from __future__ import annotations

import argparse
from pathlib import Path

from ris_ros.config import LanguageConfig
from ris_ros.language import ExpressionParser
from ris_ros.language.english import English
from training.reader import measure, mending
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
    training.add_argument("--rate", type=float, default=Recipe.rate, help="learning rate at the start")
    training.add_argument("--seed", type=int, default=0)
    training.add_argument("--start", type=Path, help="folder of a reader to go on from; without it, from nothing")
    measuring = commands.add_parser("measure", help="measure a reader")
    measuring.add_argument("folder", nargs="?", default="", help="default: the package's reader")
    measuring.add_argument("--sets", nargs="+", default=list(measure.SETS[:-1]),
                           help=f"of {', '.join(measure.SETS)}, or files of annotated expressions")
    measuring.add_argument("--fold", type=int, default=0, help="the fold that was held out")
    measuring.add_argument("--shown", type=int, default=0, help="errors to print for each set")
    measuring.add_argument("--limit", type=int, help="about how many expressions of each set to read")
    adding = commands.add_parser("add", help="add the trees of texts to the treebank, from a draft")
    adding.add_argument("texts", nargs="+")
    comparing = commands.add_parser("compare", help="print what a reader reads otherwise than the package's")
    comparing.add_argument("folder")
    given = arguments.parse_args()
    if given.command == "add":
        print(f"{mending.add(given.texts, ExpressionParser())} rows added")
        return
    if given.command == "compare":
        counts = mending.compare(ExpressionParser(), ExpressionParser(LanguageConfig(reader=given.folder)))
        print(*(f"{outcome}: {number}" for outcome, number in counts.items()), sep="\n")
        return
    if given.command == "measure":
        parser = ExpressionParser(LanguageConfig(reader=given.folder))
        measure.measure(parser, given.sets, fold=given.fold, shown=given.shown, limit=given.limit)
        return
    english = English(LanguageConfig().model)
    if given.command == "generate":
        for tree in Generator(english.lemma).trees(given.number):
            print(" ".join(tree.words[1:]))
    else:
        train(given.folder, Recipe(given.held_out, given.generated, given.copies, seed=given.seed,
                                   passes=given.passes, rate=given.rate), english, start=given.start)


if __name__ == "__main__":
    main()
