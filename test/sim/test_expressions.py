from __future__ import annotations

import numpy as np
import pytest

from ris_ros.sim.expressions import KINDS, expressions, verify
from ris_ros.sim.phrasing import COMMANDS, TEMPLATES
from ris_ros.sim.scene import Scene, SceneObject


def obj(name, x, y, **more):
    colour, category = name.split()
    return SceneObject(category, colour, (x, y, more.pop("z", 0.0)), **more)


@pytest.fixture(scope="module")
def said(paint):
    """A function that returns every text of a kind about objects, with its targets."""
    def texts(kind, *objects, split="train"):
        rng = np.random.default_rng(0)
        return {expression.text: expression.targets
                for expression in expressions(*paint(*objects), rng, split, per_kind=None) if expression.kind == kind}
    return texts


TWO_CUPS = (obj("red cup", -0.2, 0), obj("blue cup", 0.2, 0), obj("green vase", 0, 0.25))


def test_attribute_and_category(said):
    assert said("category", *TWO_CUPS) in ({"the vase": (2,)}, {"this vase": (2,)})
    by_target = {targets for targets in said("attribute", *TWO_CUPS).values()}
    assert by_target == {(0,), (1,), (2,)}


def test_a_shared_colour_is_not_used_to_refer_to_an_object(said):
    assert not said("attribute", obj("red cup", -0.2, 0), obj("red cup", 0.2, 0))


def test_an_undecided_left_is_not_used_to_refer_to_an_object(said):
    objects = (obj("red cup", -0.20, -0.05), obj("blue cup", -0.205, 0.05))
    for kind in ("place", "extreme", "ordinal", "colloquial", "command"):
        assert not [text for text in said(kind, *objects) if "left" in text or "right" in text]


def test_plurals_count_the_objects(said):
    texts = said("plural", obj("red cup", -0.2, 0), obj("red cup", 0.2, 0), obj("blue cup", 0, 0.2))
    assert set(texts.values()) == {(0, 1, 2), (0, 1)}
    assert all("both" in text or "two" in text for text, targets in texts.items() if len(targets) == 2)


def test_absent_kinds_name_an_absent_object(said):
    colour = said("absent colour", *TWO_CUPS)
    assert colour
    assert not set(colour.values()) - {()}
    assert not [text for text in colour if "red cup" in text or "blue cup" in text or "bottle" in text]
    category = said("absent category", *TWO_CUPS)
    assert not [text for text in category if "cup" in text or "vase" in text]
    both = said("absent both", *TWO_CUPS)
    assert not [text for text in both if "cup" in text or "vase" in text or " red" in text]
    assert any("behind" in text for text in said("absent relation", *TWO_CUPS))


def test_no_landmark_is_related_to_itself(said):
    objects = (obj("white mug", -0.3, 0), obj("blue book", 0.3, 0))
    for text in said("absent relation", *objects):
        assert ("mug" in text) and ("book" in text), text


def test_texts_end_with_their_landmark(paint):
    objects = (*TWO_CUPS, obj("blue book", 0.0, -0.2))
    scene, rendering = paint(*objects)
    relations = [expression for expression in expressions(scene, rendering, np.random.default_rng(0), "train",
                                                          per_kind=None) if expression.kind == "relation"]
    assert relations
    for expression in relations:
        (landmark,) = expression.landmarks
        assert expression.text.endswith(scene.objects[landmark].category)


def crowd(seed, count=9):
    """Return objects at random positions on the table."""
    rng = np.random.default_rng(seed)
    names = [f"{colour} {category}" for colour in ("red", "blue", "green") for category in ("cup", "book", "can")]
    spots = [(x, y) for x in np.linspace(-0.3, 0.3, 5) for y in np.linspace(-0.2, 0.3, 4)]
    return [obj(str(rng.choice(names)), *(spots[k] + rng.uniform(-0.05, 0.05, 2)), scale=rng.uniform(0.8, 1.3))
            for k in rng.permutation(len(spots))[:count]]


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_expression_is_true_of_its_targets_alone(paint, split):
    kinds = set()
    for seed in range(12):
        scene, rendering = paint(*crowd(seed))
        for expression in expressions(scene, rendering, np.random.default_rng(seed), split):
            kinds.add(expression.kind)
            assert verify(expression, scene, rendering) == expression.targets
            assert expression.phrase in expression.text
            assert not set("[]{}") & set(expression.text)
            assert not set(expression.targets) & set(expression.landmarks)
            assert bool(expression.targets) != expression.kind.startswith("absent")
            assert (len(expression.targets) > 1) == (expression.kind == "plural")
            names = [scene.objects[i] for i in expression.targets]
            assert all(item.category in expression.text or item.colour in expression.text
                       or "object" in expression.text or "thing" in expression.text for item in names)
    assert kinds == set(KINDS)


def test_an_expression_is_no_longer_true_after_its_target_changes(paint):
    # The truth is evaluated in the scene, not copied from the generator.
    scene, rendering = paint(*crowd(3))
    for expression in expressions(scene, rendering, np.random.default_rng(0), "test"):
        if expression.description.category and expression.targets:
            objects = list(scene.objects)
            for i in expression.targets:
                objects[i] = SceneObject("ball", "white", objects[i].position)
            assert verify(expression, Scene(tuple(objects)), rendering) != expression.targets


def test_the_same_seed_gives_the_same_expressions(paint):
    scene, rendering = paint(*crowd(1))
    first, second, other = (expressions(scene, rendering, np.random.default_rng(seed), "train") for seed in (5, 5, 6))
    assert first == second
    assert first != other


def test_the_splits_share_no_template_and_no_text(paint):
    for form in (*TEMPLATES.values(), COMMANDS):
        assert not set(form["train"]) & set(form["test"])
    for seed in range(4):
        scene, rendering = paint(*crowd(seed))
        train, test = ({expression.text for expression in
                        expressions(scene, rendering, np.random.default_rng(seed), split, per_kind=None)}
                       for split in ("train", "test"))
        assert not train & test


def test_per_kind_limits_the_number_of_each_kind(paint):
    scene, rendering = paint(*crowd(2))
    kinds = [expression.kind for expression in expressions(scene, rendering, np.random.default_rng(0), "train", 3)]
    assert max(kinds.count(kind) for kind in KINDS) == 3
