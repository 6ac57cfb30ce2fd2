"""The splits, and the texts of their expressions, checked against rendered scenes by independent, naive code."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ris_ros.sim.expressions import KINDS, verify
from ris_ros.sim.phrasing import plural
from ris_ros.sim.samples import HELD_OUT_PAIRS, TEST_SEEDS, TRAIN_SEEDS, VALIDATION_SEEDS, samples
from ris_ros.sim.shapes import ALL_PAIRS, CATEGORIES, COLOURS

SINGULAR = {plural(category): category for category in CATEGORIES} | {category: category for category in CATEGORIES}


@pytest.fixture(scope="module", params=["train", "test", "hard"])
def rendered(request):
    return list(samples(request.param, 4, start=50, per_kind=4))


def test_held_out_pairs_are_a_tenth_and_include_no_whole_colour_or_category():
    assert HELD_OUT_PAIRS < ALL_PAIRS
    assert 0.08 < len(HELD_OUT_PAIRS) / len(ALL_PAIRS) < 0.12
    for axis, names in enumerate((COLOURS, CATEGORIES)):
        held = [pair[axis] for pair in HELD_OUT_PAIRS]
        assert set(held) == set(names)
        assert max(held.count(name) for name in names) <= 3


def test_splits_share_no_seed():
    assert TRAIN_SEEDS.stop <= VALIDATION_SEEDS.start
    assert VALIDATION_SEEDS.stop <= TEST_SEEDS.start


@pytest.mark.parametrize(("split", "held_out"), [("train", False), ("test", False), ("hard", True)])
def test_only_the_hard_split_has_held_out_pairs(split, held_out):
    for sample in samples(split, 2, per_kind=1):
        assert all(((obj.colour, obj.category) in HELD_OUT_PAIRS) == held_out for obj in sample.scene.objects)


def all_expressions(rendered, *kinds):
    return [(sample, expression) for sample in rendered for expression in sample.expressions
            if not kinds or expression.kind in kinds]


def named(text, scene):
    """Return the objects of every category and colour that occurs in a text."""
    words = re.findall(r"[a-z]+", text.lower())
    categories = [SINGULAR[word] for word in words if word in SINGULAR]
    colours = [word for word in words if word in COLOURS]
    return tuple(i for i, obj in enumerate(scene.objects)
                 if all(obj.category == category for category in categories)
                 and all(obj.colour == colour for colour in colours))


def centroids(sample):
    pixels = [np.argwhere(sample.rendering.mask(i)) for i in range(len(sample.scene.objects))]
    return np.array([points.mean(axis=0) if len(points) else (np.nan, np.nan) for points in pixels])


def test_every_kind_occurs_and_is_true(rendered):
    assert {expression.kind for _, expression in all_expressions(rendered)} >= set(KINDS) - {"between", "plural"}
    for sample, expression in all_expressions(rendered):
        assert verify(expression, sample.scene, sample.rendering) == expression.targets


def test_plain_nouns_name_exactly_their_targets(rendered):
    for sample, expression in all_expressions(rendered, "category", "attribute", "plural", "absent both",
                                              "absent category", "absent colour"):
        assert named(expression.text, sample.scene) == expression.targets, expression.text


def test_phrases_name_their_targets(rendered):
    for sample, expression in all_expressions(rendered):
        if expression.targets:
            assert set(expression.targets) <= set(named(expression.phrase, sample.scene)), expression.text


def test_targets_are_in_the_region_that_the_text_names(rendered):
    sides = {"left": (1, 0, 288), "right": (1, 352, 640), "top": (0, 0, 216), "upper": (0, 0, 216),
             "bottom": (0, 264, 480), "lower": (0, 264, 480)}
    for sample, expression in all_expressions(rendered, "place"):
        centres = centroids(sample)
        inside = [i for i in named(expression.phrase, sample.scene)
                  if all(low <= centres[i, axis] < high for side, (axis, low, high) in sides.items()
                         if side in expression.text)]
        assert expression.targets[0] in inside, expression.text
        # The middle, the far ends and the corners are only a part of these.
        if not re.search("middle|center|far|corner", expression.text):
            assert len(inside) == 1, expression.text


def test_targets_are_the_extreme_that_the_text_names(rendered):
    for sample, expression in all_expressions(rendered, "extreme"):
        columns = centroids(sample)[:, 1]
        row = sorted(named(expression.phrase, sample.scene), key=lambda i: columns[i])
        if "left" in expression.text:
            assert expression.targets == (row[0],), expression.text
        if "right" in expression.text:
            assert expression.targets == (row[-1],), expression.text
        if re.search("near|closest|front", expression.text):
            assert expression.targets == (min(row, key=lambda i: sample.scene.objects[i].position[1]),)
        if re.search("largest|biggest|tallest", expression.text):
            assert expression.targets == (max(row, key=lambda i: sample.scene.objects[i].scale),)


def test_relations_hold_as_the_text_says(rendered):
    for sample, expression in all_expressions(rendered, "relation"):
        objects = sample.scene.objects
        (target,), (landmark,) = expression.targets, expression.landmarks
        offset = centroids(sample)[target] - centroids(sample)[landmark]
        depth = objects[target].position[1] - objects[landmark].position[1]
        checks = {
            r"left of": offset[1] < 0, r"right of": offset[1] > 0, "above": offset[0] < 0, "below": offset[0] > 0,
            "behind": depth > 0, "in front of": depth < 0, "inside": objects[target].support == landmark,
            r"\bon\b": objects[target].support == landmark, "under": objects[landmark].support == target,
        }
        assert named(expression.text.replace(expression.phrase, ""), sample.scene) == (landmark,), expression.text
        for words, holds in checks.items():
            if re.search(words, expression.text):
                assert holds, expression.text
