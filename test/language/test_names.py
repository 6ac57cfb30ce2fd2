"""Words to names of regions, rankings and relations."""

import pytest

from ris_ros.language.lists import SPELLINGS, WORDS
from ris_ros.language.names import ranking, region_name, relation_name


def test_lists_hold_the_words_of_the_lists_that_they_name():
    assert {"cup", "pony", "red"} <= WORDS["named"] <= WORDS["known"]
    assert {"left", "leftmost", "of"} <= SPELLINGS["spaced"]
    sets = [words for words in SPELLINGS.values() if isinstance(words, frozenset)]
    assert not [word for words in sets for word in words if word.startswith("@")]


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
    ("second smallest for me", "", "small", 2, ""),
])
def test_rankings(words, region, name, rank, rest):
    found, left = ranking(words.split(), region)
    assert (found.name, found.rank, left) == (name, rank, rest)
