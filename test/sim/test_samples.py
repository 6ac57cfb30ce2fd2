"""The words of expressions about rendered scenes, read back by a second, naive hand."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ris_ros.sim.expressions import KINDS, verify
from ris_ros.sim.phrasing import plural
from ris_ros.sim.samples import samples
from ris_ros.sim.shapes import CATEGORIES, COLOURS

SINGULAR = {plural(category): category for category in CATEGORIES} | {category: category for category in CATEGORIES}


@pytest.fixture(scope="module", params=["train", "test", "hard"])
def rendered(request):
    return list(samples(request.param, 4, start=50, per_kind=4))


def every(rendered, *kinds):
    return [(sample, expression) for sample in rendered for expression in sample.expressions
            if not kinds or expression.kind in kinds]


def named(text, scene):
    """The objects of every category and colour that a text names, in whatever way."""
    words = re.findall(r"[a-z]+", text.lower())
    categories = [SINGULAR[word] for word in words if word in SINGULAR]
    colours = [word for word in words if word in COLOURS]
    return tuple(i for i, thing in enumerate(scene.objects)
                 if all(thing.category == category for category in categories)
                 and all(thing.colour == colour for colour in colours))


def centroids(sample):
    pixels = [np.argwhere(sample.rendering.mask(i)) for i in range(len(sample.scene.objects))]
    return np.array([points.mean(axis=0) if len(points) else (np.nan, np.nan) for points in pixels])


def test_every_kind_is_said_and_holds(rendered):
    assert {expression.kind for _, expression in every(rendered)} >= set(KINDS) - {"between", "plural"}
    for sample, expression in every(rendered):
        assert verify(expression, sample.scene, sample.rendering) == expression.targets


def test_plain_names_name_their_targets(rendered):
    for sample, expression in every(rendered, "category", "attribute", "plural", "absent both", "absent category",
                                    "absent colour"):
        assert named(expression.text, sample.scene) == expression.targets, expression.text


def test_phrases_are_of_the_targets_kind(rendered):
    for sample, expression in every(rendered):
        if expression.targets:
            assert set(expression.targets) <= set(named(expression.phrase, sample.scene)), expression.text


def test_places_are_where_the_text_says(rendered):
    sides = {"left": (1, 0, 288), "right": (1, 352, 640), "top": (0, 0, 216), "upper": (0, 0, 216),
             "bottom": (0, 264, 480), "lower": (0, 264, 480)}
    for sample, expression in every(rendered, "place"):
        centres = centroids(sample)
        there = [i for i in named(expression.phrase, sample.scene)
                 if all(low <= centres[i, axis] < high for side, (axis, low, high) in sides.items()
                        if side in expression.text)]
        assert expression.targets[0] in there, expression.text
        # The middle, the far ends and the corners are only a part of these.
        if not re.search("middle|center|far|corner", expression.text):
            assert len(there) == 1, expression.text


def test_ends_of_a_row_are_where_the_text_says(rendered):
    for sample, expression in every(rendered, "extreme"):
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


def test_relations_are_as_the_text_says(rendered):
    for sample, expression in every(rendered, "relation"):
        things = sample.scene.objects
        (target,), (landmark,) = expression.targets, expression.landmarks
        offset = centroids(sample)[target] - centroids(sample)[landmark]
        away = things[target].position[1] - things[landmark].position[1]
        checks = {
            r"left of": offset[1] < 0, r"right of": offset[1] > 0, "above": offset[0] < 0, "below": offset[0] > 0,
            "behind": away > 0, "in front of": away < 0, "inside": things[target].support == landmark,
            r"\bon\b": things[target].support == landmark, "under": things[landmark].support == target,
        }
        assert named(expression.text.replace(expression.phrase, ""), sample.scene) == (landmark,), expression.text
        for words, holds in checks.items():
            if re.search(words, expression.text):
                assert holds, expression.text
