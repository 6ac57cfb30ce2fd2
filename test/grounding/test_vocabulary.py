"""The everyday nouns: relations, word forms, weights, and the user's own names."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.grounding.vocabulary import STOCK, Name, Vocabulary

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


def vocabulary(*rows: str) -> Vocabulary:
    """Make a vocabulary of rows such as "cup|mug < vessel|thing 4"; a row without a number rivals nothing."""
    def name(row: str) -> Name:
        names, _, rest = row.partition(" < ")
        *broader, frequency = rest.split() if rest else ["-"]
        first, *synonyms = names.split("|")
        return Name(first, tuple(synonyms), tuple("|".join(broader).split("|")) if broader else (),
                    None if frequency == "-" else float(frequency))
    return Vocabulary(lambda: [name(row) for row in rows])


SMALL = vocabulary("cup|mug < vessel 4", "plate < - 2", "vessel < - -", "teacup < cup 0", "knife < - 1", "hoof < - 1",
                   "fire truck < - 1", "fireman < - 1", "berry < - 1", "colour tube < - 1")


def test_only_names_with_a_frequency_rival_others():
    assert SMALL.names == ("cup", "plate", "teacup", "knife", "hoof", "fire truck", "fireman", "berry", "colour tube")
    assert SMALL.knows("vessel")
    # The square root of 10^4, 10^2 and 10^0.
    np.testing.assert_allclose(SMALL.weights[:3], (100, 10, 1))


@pytest.mark.parametrize(("head", "related"), [
    ("cup", {"cup", "teacup"}), ("mug", {"cup", "teacup"}), ("vessel", {"cup"}), ("teacup", {"cup", "teacup"}),
    ("plate", {"plate"}), ("unknown", set())])
def test_rivals_are_neither_the_name_nor_broader_or_narrower_by_one_step(head, related):
    assert set(SMALL.names) - rivals(head, SMALL) == related
    assert {name for name in SMALL.names if SMALL.are_related(head, name)} == related


@pytest.mark.parametrize("form", [
    "knives", "hooves", "berries", "cups", "plates", "firemen", "fire trucks", "Fire  Truck", "fire_truck",
    "fire-truck", "fire man", "fire-man", "big berries", "steak-knife"])
def test_word_forms_that_are_known(form):
    assert SMALL.knows(form)


@pytest.mark.parametrize("form", [
    "cu", "knifes'", "berrie", "trucks fire", "s", "es", "firetrucker", "plat", "plate of"])
def test_word_forms_that_are_not_known(form):
    assert not SMALL.knows(form)


def test_british_spelling_is_understood():
    words = vocabulary("gray box < - 1", "color chart < - 1", "tire < - 1")
    assert all(map(words.knows, ("grey box", "colour chart", "tyre", "tyre pump tyre")))


def test_a_users_synonym_keeps_what_the_package_knows_and_rivals_by_its_own_weight(tmp_path):
    one = own(tmp_path, "mug | becher\ttool\n")
    assert one.are_related("becher", "cup")
    assert one.are_related("mug", "tool")
    weights, stock = (dict(zip(each.names, each.weights, strict=True)) for each in (one, STOCK_NAMES))
    assert weights["cup"] == stock["cup"]
    # How common a user's name is is not known: 10^0.
    assert weights["mug"] == 1


@pytest.mark.parametrize("first", ["# replace", "#replace", "#  Replace", "# rePLACE "])
def test_only_the_first_line_replaces(tmp_path, first):
    assert own(tmp_path, f"{first}\nbracket\n").names == ("bracket",)
    assert len(own(tmp_path, f"bracket\n{first}\n").names) > 2000


def test_five_thousand_names_are_few_enough(tmp_path):
    assert len(own(tmp_path, "# replace\n" + "\n".join(f"n{i}" for i in range(5000))).names) == 5000
