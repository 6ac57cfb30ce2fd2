"""The reader's trees, treebank, generator and training."""

import json
import random

import pytest

from ris_ros.errors import InputError
from ris_ros.language import ExpressionParser
from ris_ros.language.reader import Reader, load_reader
from ris_ros.language.tree import LABELS
from ris_ros.types import Description
from ris_ros.utils.texts import normalized
from training.reader import mending, train
from training.reader import tree as trees
from training.reader.augmentation import augmented
from training.reader.generator import TOKEN, Generator, from_brackets, slip
from training.reader.labels import mistakes
from training.reader.measure import COLLECTION


@pytest.fixture(scope="module")
def parser():
    return ExpressionParser()


@pytest.fixture(scope="module")
def english(parser):
    return parser._english


@pytest.mark.parametrize("brackets", [
    "target(det(the) rank(second) attribute(red) ^cup rank(from the left))",
    "could you grab me target(det(the) attribute(dark blue) ^mug) , please",
    "target(det(the) ^cup relation(next to object(det(the) ^bowl relation(behind object(det(the) ^box)))))",
    "target(det(the) ^cup relation(between object(det(the) ^bowl) said(and) object(det(the) ^box)))",
    "target(det(the) ^cup relation(between said(the) attribute(red) said(and) object(det(the) attribute(blue) ^bowl)))",
    "target(det(the) ^cup that is exclude(not region(on the *left)))",
    "target(^cup exclude(without modifier(a lid)))",
    "target(count(both of the) ^cups)",
    "target(count(all) attribute(red) ^cups)",
    "target(det(the) ^cup) , target(det(the) ^bowl) and target(det(the) attribute(red) ^spoon)",
    "target(^lady modifier(in the blue dress) modifier(holding a cup))",
    "target(det(the) owner(girl 's) attribute(red) ^umbrella relation(on object(det(the) ^chair)))",
    "target(region(top left) ^cup)",
    "region(left)",
    "pick up target(det(the) ^cup) and put it on the table",
    "the fork no wait target(det(the) ^spoon)",
    "target(^cup , exclude(not object(det(the) attribute(red) one)))",
])
def test_brackets_stand_for_the_tree_that_the_reader_reads(parser, brackets):
    tree = from_brackets(TOKEN.findall(brackets))
    text = tree.joined(range(1, len(tree.words))).replace(" ,", ",")
    words = parser.words(normalized(text))
    assert parser.targets(tree, words) == parser.parse(text).targets
    written = mending.to_brackets(tree)
    assert mending.read_brackets(written, list(tree.words[1:])) == tree


def test_a_tree_without_crossing_attaches_what_is_said_to_the_arc_around_it():
    tree = trees.without_crossing(["▷", "um", "cup", "that", "red"], {2: 0, 4: 2}, {2: "target", 4: "attribute"})
    assert tree.heads == (0, 0, 0, 2, 2)
    assert tree.labels == ("root", "said", "target", "said", "attribute")


def test_mistakes_are_named():
    row = {"head": ["cup", "mug"], "place": "left", "relations": [["on", "table"]], "excluded": ["red"]}
    assert mistakes(row, [Description("the mug", "mug", "mug", region="right")]).keys() == {
        "place", "relations", "excluded"}


def test_the_treebank_holds_whole_trees_and_nothing_that_is_set_aside():
    rows = list(trees.read(train.TREEBANK))
    aside = {row["text"] for row in trees.read(COLLECTION) if row["part"] == "aside"}
    assert len(rows) > 7000
    assert not aside & {row["text"] for row in rows}
    for row in rows:
        assert len(row["words"]) == len(row["heads"]) == len(row["labels"])
        assert set(row["labels"]) <= LABELS.keys()
        assert not trees.is_crossing(trees.from_row(row))


def test_the_trees_of_the_treebank_say_what_is_annotated(parser):
    annotated = {row["text"]: row for row in trees.read(COLLECTION)}
    rows = [row for row in trees.read(train.TREEBANK) if row["text"] in annotated]
    wrong = []
    for row in rows:
        words = parser.words(normalized(row["text"]))
        assert [word.text for word in words.words] == row["words"], row["text"]
        if mistakes(annotated[row["text"]], parser.targets(trees.from_row(row), words)):
            wrong.append(row["text"])
    assert len(rows) > 6500
    # What no tree can say: that "it" is the knife.
    assert len(wrong) <= 0.003 * len(rows), wrong


def test_generated_trees_are_whole_varied_and_reproducible(english):
    made = list(Generator(english.lemma, seed=3).trees(600))
    assert [tree.words for tree in Generator(english.lemma, seed=3).trees(5)] == [tree.words for tree in made[:5]]
    assert not any(map(trees.is_crossing, made))
    assert {label for tree in made for label in tree.labels} >= LABELS.keys() - {"compound", "addition"}
    assert all(tree.of(0, "target", "region", "rank", "relation", "attribute", "modifier", "exclude") for tree in made)


def test_copies_have_other_words_and_the_same_arcs(english):
    [tree] = [from_brackets(TOKEN.findall("target(det(the) attribute(red) ^cups relation(on object(det(a) ^table)))"))]
    generator = Generator(english.lemma)
    copies = list(augmented([tree], generator, copies=30, slips=0.3, seed=1))
    assert len({copy.words for copy in copies}) > 20
    assert all((copy.heads, copy.labels) == (tree.heads, tree.labels) for copy in copies)


def test_a_slip_of_the_pen_changes_a_word_but_not_its_first_letter():
    words = {slip("umbrella", random.Random(k)) for k in range(40)}
    assert len(words) > 10
    assert all(word[0] == "u" and 7 <= len(word) <= 9 for word in words)


@pytest.mark.parametrize(("typed", "message"), [
    ("target(det(the) mug)", "these words, each once: the cup"), ("goal(det(the) cup)", "no label goal"),
    ("target(det(the) cup", "these words"), ("det(the) cup))", "these words"),
])
def test_brackets_that_are_no_tree_are_refused(typed, message):
    with pytest.raises(InputError, match=message):
        mending.read_brackets(typed, ["the", "cup"])


def test_a_misreading_is_mended_with_a_row_from_a_draft(parser, monkeypatch, tmp_path):
    monkeypatch.setattr(mending, "TREEBANK", tmp_path / "treebank.jsonl")
    answers = iter(["target(det(the) cap)", "target(det(the) attribute(red) cup)", "", "-"])
    assert mending.add(["the red cup", "la taza roja a la izquierda", "the bowl"], parser, lambda _: next(answers)) == 1
    [row] = map(json.loads, (tmp_path / "treebank.jsonl").read_text().splitlines())
    assert (row["text"], row["heads"], row["labels"]) == ("the red cup", [3, 3, 0], ["det", "attribute", "target"])


def test_training_continues_where_it_stopped(english, monkeypatch, tmp_path):
    rows = list(trees.read(train.TREEBANK))[:80]
    monkeypatch.setattr(train, "TREEBANK", tmp_path / "few.jsonl")
    trees.write(tmp_path / "few.jsonl", rows)
    folder = tmp_path / "reader"
    train.train(folder, train.Recipe(generated=60, passes=1), english)
    first = (folder / "reader.bin").read_bytes()
    train.train(folder, train.Recipe(generated=60, passes=2), english)
    assert (folder / "reader.bin").read_bytes() != first
    assert json.loads((folder / "reader.json").read_text())["trees"] == 2 * 80 + 60
    assert len(Reader(load_reader(folder), english).read(("the", "cup")).tree.words) == 3


def test_a_reader_is_the_same_after_it_was_stored(parser, english, tmp_path):
    train.save_reader(load_reader(), tmp_path)
    words = ("the", "second", "cup", "from", "the", "left", "that", "is", "not", "on", "the", "tray")
    assert Reader(load_reader(tmp_path), english).read(words) == parser._reader.read(words)
