"""The everyday nouns: relations, word forms, weights, and the user's own names."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.grounding.vocabulary import STOCK, Vocabulary

STOCK_NAMES = Vocabulary.load()


def rivals(head: str, vocabulary: Vocabulary = STOCK_NAMES) -> set[str]:
    return {name for name, is_rival in zip(vocabulary.names, vocabulary.unrelated(head), strict=True) if is_rival}


def test_there_are_some_thousand_names_and_each_once():
    names = STOCK_NAMES.names
    assert 2000 < len(names) < 5000
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9 '-]*", name) for name in names)


@pytest.mark.parametrize(("head", "related"), [
    ("cup", "mug"), ("mug", "cup"), ("vehicle", "car"), ("car", "vehicle"), ("wrench", "tool"), ("tool", "hammer"),
    ("couch", "sofa"), ("spanner", "wrench"), ("tv", "television"), ("cell phone", "phone"), ("lorry", "truck"),
    ("fridge", "refrigerator"), ("dog", "puppy"), ("puppy", "animal"), ("toy", "ball"), ("fruit", "banana"),
    ("food", "pizza"), ("plant", "flower"), ("rose", "flower"), ("garment", "shirt"), ("container", "bottle"),
    ("person", "nurse"), ("woman", "nurse"), ("man", "firefighter"), ("kid", "boy"), ("pet", "cat"),
    ("mouse", "animal"), ("mouse", "electronics"), ("furniture", "chair"), ("utensil", "spatula"), ("seat", "chair"),
    ("monitor", "screen"), ("weapon", "rifle"), ("insect", "butterfly"), ("bird", "duck"), ("sneaker", "shoe")])
def test_a_synonym_a_kind_or_a_broader_name_is_no_rival(head, related):
    assert STOCK_NAMES.are_related(head, related)
    assert related not in rivals(head)


@pytest.mark.parametrize(("head", "other"), [
    ("cup", "plate"), ("cup", "bowl"), ("car", "bicycle"), ("wrench", "screwdriver"), ("dog", "cat"), ("man", "woman"),
    ("boy", "man"), ("nurse", "firefighter"), ("apple", "banana"), ("chair", "table"), ("fork", "knife"),
    ("box", "bag"), ("mouse", "keyboard"), ("vehicle", "box"), ("cup", "person"), ("cat", "person"),
    ("car", "container"), ("bottle", "can"), ("shirt", "pants"), ("stapler", "scissors"), ("horse", "cow")])
def test_what_is_something_else_is_a_rival(head, other):
    assert not STOCK_NAMES.are_related(head, other)
    assert other in rivals(head)


def test_relations_of_every_name_hold_in_both_directions_and_for_its_synonyms():
    rows = [line.split("\t") for line in STOCK.read_text().splitlines() if not line.startswith("#")]
    for name, synonyms, broader, _ in rows[::17]:
        for other in filter(None, [*synonyms.split("|"), *broader.split("|")]):
            assert STOCK_NAMES.are_related(name, other), (name, other)
            assert STOCK_NAMES.are_related(other, name), (name, other)


def test_every_name_is_known_and_no_rival_of_itself_in_the_plural_either():
    for name in STOCK_NAMES.names[::7]:
        plural = re.sub(r"y$", "ie", name) + "s" if re.search(r"[^aeiou]y$", name) else \
            name + "es" if name.endswith(("ch", "sh", "x", "s", "z")) else name + "s"
        assert STOCK_NAMES.knows(plural), plural
        assert name not in rivals(plural), plural
        assert name not in rivals(name)


@pytest.mark.parametrize("form", ["coffee mug", "my best coffee mug", "coffee-mug", "Coffee Mugs"])
def test_a_compound_is_understood_by_its_last_word(form):
    assert not {"mug", "cup"} & rivals(form)
    assert "plate" in rivals(form)


@pytest.mark.parametrize("word", ["", "qwer", "asdfgh", "12345", "杯子", "flasche", "xyzzy"])
def test_what_is_no_word_is_not_known_and_everything_rivals_it(word):
    assert not STOCK_NAMES.knows(word)
    assert STOCK_NAMES.unrelated(word).all()


def test_commoner_names_weigh_more():
    weights = dict(zip(STOCK_NAMES.names, STOCK_NAMES.weights, strict=True))
    assert weights["cup"] > weights["chalice"] > 0


def own(tmp_path, text: str) -> Vocabulary:
    file = tmp_path / "names.tsv"
    file.write_text(text, encoding="utf-8")
    return Vocabulary.load(str(file))


def test_a_users_names_are_added(tmp_path):
    vocabulary = own(tmp_path, "# of our lab\nTorque Tool 7|tt7\tscrewdriver|tool\n\nmug|becher\nGlühbirne\n")
    assert vocabulary.own_names == ("torque tool 7", "mug", "glühbirne")
    assert set(vocabulary.names) == set(STOCK_NAMES.names) | set(vocabulary.own_names)
    assert not {"torque tool 7", "screwdriver", "tool"} & rivals("tt7", vocabulary)
    assert {"hammer", "glühbirne"} <= rivals("tt7", vocabulary)
    # What the package knows of a name stays.
    assert not {"mug", "cup"} & rivals("becher", vocabulary)


def test_a_users_names_can_replace_the_packages(tmp_path):
    vocabulary = own(tmp_path, "# replace\nbracket\nhousing|case\n")
    assert vocabulary.names == ("bracket", "housing")
    assert rivals("case", vocabulary) == {"bracket"}
    assert vocabulary.knows("cup")


@pytest.mark.parametrize(("text", "message"), [
    ("cup\tmug\tplate\n", "line 1"), ("ok\n|||\n", "line 2"), ("ok\n!!!\n", "line 2"), ("", "0 names"),
    ("\n".join(f"n{i}" for i in range(5001)), "5001 names")])
def test_a_wrong_file_is_refused_in_one_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as refusal:
        own(tmp_path, text)
    assert "\n" not in str(refusal.value)
    assert "matching.names" in str(refusal.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00cup"])
def test_an_unreadable_file_is_refused(tmp_path, content):
    file = tmp_path / "names.tsv"
    if content:
        file.write_bytes(content)
    with pytest.raises(InputError, match=r"matching\.names: cannot read"):
        Vocabulary.load(str(file))


def test_the_result_of_a_lookup_is_kept():
    assert STOCK_NAMES.unrelated("cup") is STOCK_NAMES.unrelated("cup")
    assert STOCK_NAMES.unrelated("cup").dtype == np.bool_
