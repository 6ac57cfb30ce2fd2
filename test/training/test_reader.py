"""The trained reader: trees and what they say, the treebank, the generator and the training."""

import random

import pytest

from ris_ros.language import ExpressionParser
from ris_ros.types import Description
from training.reader import tree as trees
from training.reader.features import doc, tree_of
from training.reader.generator import TOKEN, Generator, from_brackets, slip
from training.reader.labels import mistakes
from training.reader.names import ranking, region_name, relation_name
from training.reader.reader import Reader
from training.reader.recorded import read_by_rules
from training.reader.train import load, prepare, train
from training.reader.treebank import COLLECTION, TREEBANK, targets_of, words_of


@pytest.fixture(scope="module")
def parser():
    return ExpressionParser()


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
def test_a_tree_says_what_the_grammar_reads(parser, brackets):
    tree = from_brackets(TOKEN.findall(brackets))
    text = tree.joined(range(1, len(tree.words))).replace(" ,", ",")
    words = words_of(text, parser)
    assert targets_of(tree, words, parser) == parser.parse(text).targets


@pytest.mark.parametrize("text", [
    "the cup that is neither red nor blue", "second cup on the right", "the black suitcase between the two green ones",
    "from the left, the second cup", "the closest of the two cars",
    "The cup on the book next to the bowl, behind the box", "go past the bar and stop at the door",
])
def test_what_the_grammar_reads_becomes_a_tree(parser, text):
    words = words_of(text, parser)
    tree, targets = read_by_rules(words, text, parser._english)
    assert targets == parser.parse(text).targets
    assert targets_of(tree, words, parser) == targets
    assert not tree.crossing()


@pytest.mark.parametrize(("words", "name"), [
    ("to the immediate left of", "left of"), ("on top of", "on"), ("closer than", "in front of"),
    ("not far from", "near"), ("of the same color as", "same colour"), ("hopping", ""),
])
def test_relation_names(words, name):
    assert relation_name(words.split()) == name


@pytest.mark.parametrize(("words", "name"), [
    ("on the far left", "far left"), ("in the upper right corner", "top right corner"), ("in the corner", "corner"),
    ("behind", "back"), ("in the distance", "back"), ("purple", ""),
])
def test_region_names(words, name):
    assert region_name(words.split()) == name


@pytest.mark.parametrize(("words", "region", "name", "rank", "rest"), [
    ("second from the right", "", "right", 2, ""), ("furthest to the left", "", "left", 1, ""),
    ("second to last", "", "right", 2, ""), ("last", "right", "right", 1, ""), ("third", "top", "left", 3, "top"),
    ("second closest to the camera", "", "near", 2, ""), ("farthest from the left", "", "right", 1, ""),
])
def test_rankings(words, region, name, rank, rest):
    found, left = ranking(words.split(), region)
    assert (found.name, found.rank, left) == (name, rank, rest)


def test_a_tree_without_crossing_attaches_what_is_said_to_the_arc_around_it():
    tree = trees.without_crossing(["▷", "um", "cup", "that", "red"], {2: 0, 4: 2}, {2: "target", 4: "attribute"})
    assert tree.heads == (0, 0, 0, 2, 2)
    assert tree.labels == ("root", "said", "target", "said", "attribute")


def test_mistakes_are_named():
    row = {"head": ["cup", "mug"], "place": "left", "relations": [["on", "table"]], "excluded": ["red"]}
    assert mistakes(row, [Description("the mug", "mug", "mug", region="right")]).keys() == {
        "place", "relations", "excluded"}


def test_the_treebank_holds_whole_trees_and_nothing_that_is_set_aside():
    rows = list(trees.read(TREEBANK))
    aside = {row["text"] for row in trees.read(COLLECTION) if row["part"] == "aside"}
    assert len(rows) > 7000
    assert not aside & {row["text"] for row in rows}
    for row in rows:
        assert len(row["words"]) == len(row["heads"]) == len(row["labels"])
        assert set(row["labels"]) <= trees.LABELS.keys()
        assert not trees.from_row(row).crossing()


def test_generated_trees_are_whole_varied_and_reproducible(parser):
    lemma = parser._english.lemma
    made = list(Generator(lemma, seed=3).trees(300))
    assert [tree.words for tree in Generator(lemma, seed=3).trees(5)] == [tree.words for tree in made[:5]]
    assert not any(tree.crossing() for tree in made)
    assert {label for tree in made for label in tree.labels} >= trees.LABELS.keys() - {"compound", "addition"}
    assert all(tree.of(0, "target", "region", "rank", "relation", "attribute") for tree in made)


def test_a_slip_of_the_pen_changes_a_word_but_not_its_first_letter():
    words = {slip("umbrella", random.Random(k)) for k in range(40)}
    assert len(words) > 10
    assert all(word[0] == "u" and 7 <= len(word) <= 9 for word in words)


def test_if_the_parser_finds_no_target_the_first_noun_becomes_one(parser):
    words, tags = ["show", "tusks", "please"], ["VB", "NNS", "UH"]
    lost = trees.without_crossing(["▷", *words], {}, {})
    found = tree_of(doc(parser._english._nlp.vocab, words, tags, parser._english, lost))
    assert found.of(0, "target") == [2]


def test_training_continues_where_it_stopped(parser, tmp_path):
    prepare(tmp_path, parser._english, generated=60, held_out=0, limit=60)
    train(tmp_path, passes=1)
    before = (tmp_path / "model" / "state.json").read_text()
    train(tmp_path, passes=2)
    assert before != (tmp_path / "model" / "state.json").read_text()
    query = Reader(load(tmp_path), parser).parse("the red cup on the left")
    assert query.sentence == "the red cup on the left"
    assert query.targets
