"""The reader: files, doubts, and trees for any words."""

import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ris_ros.config import LanguageConfig
from ris_ros.errors import InputError, MissingError
from ris_ros.language import ExpressionParser
from ris_ros.language.reader import BUNDLED_READER, Reading, load_reader
from ris_ros.language.tree import LABELS, Tree
from ris_ros.visualization import draw_reading


def copy(folder):
    return shutil.copytree(BUNDLED_READER, folder / "reader")


def test_a_missing_reader_is_told_with_its_setting(tmp_path):
    with pytest.raises(MissingError, match=r"no reader in .*: set language\.reader to"):
        ExpressionParser(LanguageConfig(reader=str(tmp_path)))


@pytest.mark.parametrize("damage", [b"", b"\x80nothing", b"\xc1" * 100])
def test_a_damaged_reader_is_refused_in_one_line(tmp_path, damage):
    folder = copy(tmp_path)
    (folder / "reader.bin").write_bytes(damage)
    with pytest.raises(InputError, match="cannot read the reader in") as told:
        load_reader(folder)
    assert "\n" not in str(told.value)


def test_the_packages_own_reader_is_compared_with_its_sum(tmp_path, monkeypatch):
    folder = copy(tmp_path)
    (folder / "reader.bin").write_bytes((folder / "reader.bin").read_bytes()[:-1] + b"x")
    monkeypatch.setattr("ris_ros.language.reader.BUNDLED_READER", folder)
    with pytest.raises(MissingError, match="damaged"):
        load_reader()


@pytest.mark.parametrize("card", [None, b"", b"{}", b"\xff"])
def test_a_missing_or_damaged_card_is_told_with_a_remedy(tmp_path, monkeypatch, card):
    folder = copy(tmp_path)
    (folder / "reader.json").unlink()
    if card is not None:
        (folder / "reader.json").write_bytes(card)
    monkeypatch.setattr("ris_ros.language.reader.BUNDLED_READER", folder)
    with pytest.raises(MissingError, match=r"reader\.json of the bundled reader.*install ris_ros again"):
        load_reader()


@pytest.mark.parametrize("config", [b"", b"\xff", b"[nlp", b"[nlp]\npipeline = 3"])
def test_a_damaged_configuration_is_refused(tmp_path, config):
    folder = copy(tmp_path)
    (folder / "config.cfg").write_bytes(config)
    with pytest.raises(InputError, match="cannot read the reader in"):
        load_reader(folder)


@settings(deadline=None, max_examples=200)
@given(words=st.lists(st.text(min_size=1, max_size=12).filter(str.strip), min_size=1, max_size=20))
def test_any_words_have_a_tree(parser, words):
    reading = parser._reader.read(tuple(words))
    tree = reading.tree
    assert tree.words[1:] == tuple(words)
    assert set(tree.labels[1:]) <= LABELS.keys()
    assert len(tree.subtree(0)) == len(tree.words) == len(reading.sureness)
    assert all(0 <= share <= 1 for share in reading.sureness)


def test_an_expression_that_was_just_parsed_is_not_read_again(parser):
    parser.parse("the mug by the kettle")
    read = parser._reader.read.cache_info().misses
    parser.read("the mug by the kettle")
    assert parser._reader.read.cache_info().misses == read


@pytest.mark.parametrize(("share", "doubted"), [(0.1, ""), (0.4, "by")])
def test_a_word_that_another_meaning_reads_otherwise_is_doubted(share, doubted):
    words, heads = ("▷", "the", "man", "with", "it", "by", "it"), (0, 2, 0, 2, 3, 2, 5)
    labels = ("root", "det", "target", "relation", "object", "relation", "object")
    best, other = Tree(words, heads, labels), Tree(words, (*heads[:5], 4, 5), labels)
    reading = Reading(((1 - share, best), (share, other)))
    assert reading.doubt(lambda tree: tree.heads) == doubted
    assert reading.doubt(lambda tree: tree.words) == "", "both mean the same"
    assert reading.sureness == (1,) * 7


def test_what_the_words_behind_a_landmark_belong_to_may_be_doubtful(parser):
    assert parser.parse("a monkey hanging from a branch on the left").doubt
    assert parser.parse("the red cup on the left").doubt == ""


def test_a_reading_is_drawn(parser):
    drawing = draw_reading(parser.read("the red cup on the left"))
    assert drawing.startswith("<svg")
    assert all(text in drawing for text in ("red", "attribute", "region"))
