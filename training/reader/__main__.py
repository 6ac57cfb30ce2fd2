"""Commands: `python -m training.reader treebank`, `generate`, `train FOLDER` and `measure FOLDER`."""

from __future__ import annotations

import argparse
from pathlib import Path

from ris_ros.language import ExpressionParser
from training.reader import measure, treebank
from training.reader.generator import Generator
from training.reader.reader import Reader
from training.reader.train import load, prepare, train


def main() -> None:
    """Run a command."""
    arguments = argparse.ArgumentParser(prog="python -m training.reader", description=__doc__)
    commands = arguments.add_subparsers(dest="command", required=True)
    commands.add_parser("treebank", help="write the treebank anew from the collection, as the grammar reads it")
    generate = commands.add_parser("generate", help="print generated expressions")
    generate.add_argument("--number", type=int, default=20)
    training = commands.add_parser("train", help="train a reader, or continue")
    training.add_argument("folder", type=Path)
    training.add_argument("--passes", type=int, default=10)
    training.add_argument("--generated", type=int, default=20_000, help="generated trees beside the treebank")
    training.add_argument("--held-out", type=int, help="a fold of the treebank to leave out, 0 to 4")
    training.add_argument("--seed", type=int, default=0)
    measuring = commands.add_parser("measure", help="compare a reader with the grammar of rules")
    measuring.add_argument("folder", type=Path)
    measuring.add_argument("--sets", nargs="+", choices=measure.SETS, default=list(measure.SETS[:-1]))
    measuring.add_argument("--fold", type=int, default=0, help="the fold that was held out")
    measuring.add_argument("--shown", type=int, default=0, help="errors to print for each set")
    measuring.add_argument("--limit", type=int, help="about how many expressions of each set to read")
    given = arguments.parse_args()
    parser = ExpressionParser()
    if given.command == "treebank":
        outcomes, fields = treebank.make(parser)
        print(*(f"{number:6} {outcome}" for outcome, number in outcomes.most_common()), sep="\n")
        print("fields that differ:", *(f"{name} {number}" for name, number in fields.most_common()))
    elif given.command == "generate":
        for tree in Generator(parser._english.lemma).trees(given.number):
            print(" ".join(tree.words[1:]))
    elif given.command == "train":
        if not (given.folder / "train.spacy").is_file():
            prepare(given.folder, parser._english, generated=given.generated, held_out=given.held_out, seed=given.seed)
        train(given.folder, passes=given.passes, seed=given.seed)
    else:
        measure.compare(Reader(load(given.folder), parser), parser, given.sets, fold=given.fold, shown=given.shown,
                        limit=given.limit)


if __name__ == "__main__":
    main()
