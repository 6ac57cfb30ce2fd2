from __future__ import annotations

import numpy as np
import pytest

from ris_ros.sim.expressions import KINDS, expressions, verify
from ris_ros.sim.meaning import Description, landmarks, resolve
from ris_ros.sim.phrasing import COMMANDS, TEMPLATES
from ris_ros.sim.relations import View
from ris_ros.sim.scene import Camera, Rendering, Scene, SceneObject


def thing(name, x, y, **more):
    colour, category = name.split()
    return SceneObject(category, colour, (x, y, more.pop("z", 0.0)), **more)


def look(*things, half=18):
    """A scene and its rendering, painted by hand: a square of 2 * half * scale pixels where each object projects."""
    camera = Camera()
    position, target = np.array(camera.position), np.array(camera.target)
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.array([1.0, 0.0, 0.0])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = position
    focal = camera.height / 2 / np.tan(np.radians(camera.fovy / 2))
    instances = np.zeros((camera.height, camera.width), np.int32)
    points = [pose[:3, :3].T @ (np.array(item.position) - position) for item in things]
    for i in sorted(range(len(things)), key=lambda k: -points[k][2]):
        x, y, z = points[i]
        column, row = int(focal * x / z + camera.width / 2), int(focal * y / z + camera.height / 2)
        side = round(half * things[i].scale)
        instances[max(row - side, 0):max(row + side, 0), max(column - side, 0):max(column + side, 0)] = i + 1
    intrinsics = np.array([[focal, 0, camera.width / 2], [0, focal, camera.height / 2], [0, 0, 1]])
    image = np.zeros((camera.height, camera.width, 3), np.uint8)
    return Scene(tuple(things)), Rendering(image, np.ones(instances.shape, np.float32), instances, intrinsics, pose)


def found(description, *things):
    return resolve(description, View(*look(*things)))


def said(kind, *things, split="train"):
    """Every text of a kind about a scene, with its targets."""
    rng = np.random.default_rng(0)
    return {expression.text: expression.targets
            for expression in expressions(*look(*things), rng, split, per_kind=None) if expression.kind == kind}


BOOK = Description("book")

# --- what is meant ----------------------------------------------------------------------------------------------------


def test_a_noun_needs_category_and_colour():
    things = (thing("red cup", -0.2, 0), thing("blue cup", 0, 0), thing("red ball", 0.2, 0))
    assert found(Description("cup"), *things) == (0, 1)
    assert found(Description("", "red"), *things) == (0, 2)
    assert found(Description("cup", "red"), *things) == (0,)
    assert found(Description("cup", "green"), *things) == ()


def test_a_mug_may_be_called_a_cup():
    things = (thing("red cup", -0.2, 0), thing("blue mug", 0.2, 0))
    assert found(Description("cup"), *things) is None
    assert found(Description("cup", "red"), *things) == (0,)
    assert found(Description("cup", "blue"), *things) is None


def test_left_is_the_pictures_and_has_a_band_of_doubt():
    left = Description("cup", region="left")
    assert found(left, thing("red cup", -0.2, 0), thing("blue cup", 0.2, 0)) == (0,)
    assert found(left, thing("red cup", -0.2, 0), thing("blue cup", -0.25, 0.1)) == (0, 1)
    assert found(left, thing("red cup", -0.2, 0), thing("blue cup", -0.05, 0)) is None


@pytest.mark.parametrize(("place", "target"), [
    ("top left", 0), ("top right", 1), ("bottom left", 2), ("bottom right", 3), ("middle", 4)])
def test_places_in_two_directions(place, target):
    things = [thing("red cup", x, y) for x, y in ((-0.3, 0.3), (0.3, 0.3), (-0.25, -0.25), (0.25, -0.25), (0, 0.02))]
    assert found(Description("cup", region=place), *things) == (target,)


def test_the_middle_must_not_be_taken_for_the_middle_one_of_a_row():
    off = (thing("red cup", -0.35, 0.02), thing("blue cup", -0.2, 0.02), thing("green cup", 0.0, 0.02))
    even = (thing("red cup", -0.3, 0.02), thing("blue cup", 0.0, 0.02), thing("green cup", 0.3, 0.02))
    assert found(Description("cup", region="middle"), *off) is None
    assert found(Description("cup", region="middle"), *even) == (1,)


@pytest.mark.parametrize(("order", "ranking"), [("left", [1, 0, 2]), ("right", [2, 0, 1]), ("near", [2, 1, 0]),
                                                ("far", [0, 1, 2])])
def test_orders_count_from_their_end(order, ranking):
    things = (thing("red cup", 0, 0.3), thing("blue cup", -0.2, 0.05), thing("green cup", 0.2, -0.2))
    for rank, target in enumerate(ranking, 1):
        assert found(Description("cup", ranking=order, rank=rank), *things) == (target,)
    assert found(Description("cup", ranking=order, rank=4), *things) == ()


def test_almost_equally_left_is_open():
    things = (thing("red cup", -0.20, -0.2), thing("blue cup", -0.205, 0.0), thing("green cup", 0.3, 0))
    assert found(Description("cup", ranking="left", rank=1), *things) is None
    assert found(Description("cup", ranking="right", rank=1), *things) == (2,)
    assert found(Description("cup", ranking="right", rank=2), *things) is None


def test_size_goes_by_scale_unless_the_picture_contradicts():
    largest, smallest = (Description("bowl", ranking=order, rank=1) for order in ("large", "small"))
    clear = (thing("red bowl", -0.2, 0, scale=1.3), thing("blue bowl", 0.2, 0, scale=0.9))
    assert found(largest, *clear) == (0,)
    assert found(smallest, *clear) == (1,)
    alike = (thing("red bowl", -0.2, 0, scale=1.05), thing("blue bowl", 0.2, 0, scale=1.0))
    assert found(largest, *alike) is None
    hidden_in_part = (*clear, thing("black box", -0.2, -0.03, scale=1.1))
    assert found(largest, *hidden_in_part) is None


def test_size_says_nothing_between_categories():
    assert found(Description("", "red", ranking="large", rank=1), thing("red cup", -0.2, 0, scale=1.4),
                 thing("red bowl", 0.2, 0)) is None


def test_a_lying_bottle_has_no_height():
    tallest = Description("bottle", ranking="tall", rank=1)
    short = thing("blue bottle", 0.2, 0, scale=0.8)
    assert found(tallest, thing("red bottle", -0.2, 0, scale=1.3), short) == (0,)
    assert found(tallest, thing("red bottle", -0.2, 0, scale=1.3, lying=True), short) is None


def test_what_is_in_a_vessel_has_no_size():
    things = (thing("white mug", -0.2, 0), thing("red pen", -0.2, 0, z=0.05, scale=1.3, support=0, inside=True),
              thing("blue pen", 0.2, 0, scale=0.8))
    assert found(Description("pen", ranking="large", rank=1), *things) is None


def test_on_in_and_under_follow_the_supports():
    things = (thing("blue book", 0, 0), thing("red cup", 0, 0, z=0.03, support=0),
              thing("white bowl", 0.3, 0), thing("red ball", 0.3, 0, z=0.02, support=2, inside=True),
              thing("green cup", -0.3, 0))
    assert found(Description("cup", relation="on", landmarks=(BOOK,)), *things) == (1,)
    assert found(Description(relation="in", landmarks=(Description("bowl"),)), *things) == (3,)
    assert found(Description(relation="on", landmarks=(Description("bowl"),)), *things) == ()
    assert found(Description("book", relation="under", landmarks=(Description("cup", "red"),)), *things) == (0,)


def test_whether_the_top_of_a_tower_is_on_its_bottom_is_open():
    things = (thing("blue book", 0, 0), thing("green book", 0, 0, z=0.03, support=0),
              thing("red cup", 0, 0, z=0.06, support=1))
    assert found(Description("cup", relation="on", landmarks=(Description("book", "blue"),)), *things) is None


@pytest.mark.parametrize(("relation", "target"), [
    ("left of", 1), ("right of", 2), ("behind", 3), ("in front of", 4), ("above", 3), ("below", 4)])
def test_directions(relation, target):
    things = (thing("blue book", 0, 0.02), thing("red cup", -0.25, 0.02), thing("red cup", 0.25, 0.02),
              thing("red cup", 0, 0.3), thing("red cup", 0, -0.2))
    assert found(Description("cup", relation=relation, landmarks=(BOOK,)), *things) == (target,)


def test_a_diagonal_neighbour_leaves_a_direction_open():
    things = (thing("blue book", 0, 0.0), thing("red cup", -0.25, 0.0), thing("green cup", -0.05, 0.3))
    assert found(Description("cup", relation="left of", landmarks=(BOOK,)), *things) is None


def test_what_lies_on_a_book_is_not_beside_it():
    things = (thing("blue book", 0, 0), thing("red cup", -0.08, 0, z=0.03, support=0), thing("green cup", 0.3, 0))
    assert found(Description("cup", relation="left of", landmarks=(BOOK,)), *things) is None


def test_next_to_has_a_band_of_doubt():
    near, middling, away = (thing("red cup", x, 0) for x in (0.15, -0.22, -0.3))
    next_to = Description("cup", relation="next to", landmarks=(BOOK,))
    assert found(next_to, thing("blue book", 0, 0), near, away) == (1,)
    assert found(next_to, thing("blue book", 0, 0), near, middling) is None


def test_between_is_on_the_line_and_amid_it():
    box, can = thing("red box", -0.2, 0.0), thing("blue can", 0.2, 0.1)
    sides = (Description("box"), Description("can"))
    description = Description("bottle", relation="between", landmarks=sides)
    inside, outside, doubtful = (thing("green bottle", *place) for place in ((0, 0.05), (0.35, 0.1), (0.0, 0.18)))
    assert found(description, box, can, inside, outside) == (2,)
    assert found(description, box, can, inside, doubtful) is None
    books = (thing("red book", -0.2, 0.0), thing("blue book", 0.2, 0.1))
    pair = (Description("book", count=2),)
    assert found(Description("bottle", relation="between", landmarks=pair), *books, inside, outside) == (2,)
    assert found(Description("bottle", relation="between", landmarks=pair), *books,
                 thing("red book", 0, 0.3), inside) is None


def test_excluded_things_are_left_out():
    things = (thing("red cup", -0.2, 0), thing("blue cup", 0.2, 0), thing("blue book", 0, 0.2),
              thing("red ball", 0, 0.2, z=0.03, support=2))
    assert found(Description("cup", excluded=Description(colour="red")), *things) == (1,)
    assert found(Description("", "red", excluded=Description(relation="on", landmarks=(BOOK,))), *things) == (0,)


def test_a_landmark_must_be_one_object():
    things = (thing("red book", -0.2, 0), thing("blue book", 0.2, 0), thing("red cup", 0.2, 0, z=0.03, support=1))
    view = View(*look(*things))
    assert resolve(Description("cup", relation="on", landmarks=(BOOK,)), view) is None
    assert landmarks(Description("cup", relation="on", landmarks=(Description("book", "blue"),)), view) == (1,)


def test_a_hidden_object_leaves_open_what_it_could_be_part_of():
    things = (thing("red cup", 0, 0.1), thing("black box", 0, 0.0, scale=3), thing("blue cup", -0.3, 0))
    assert found(Description("cup"), *things) is None
    assert found(Description("cup", "red"), *things) is None
    assert found(Description("cup", "blue"), *things) == (2,)
    assert found(Description("cup", "green"), *things) == ()


# --- what is said -----------------------------------------------------------------------------------------------------

TWO_CUPS = (thing("red cup", -0.2, 0), thing("blue cup", 0.2, 0), thing("green vase", 0, 0.25))


def test_attribute_and_category():
    assert said("category", *TWO_CUPS) in ({"the vase": (2,)}, {"this vase": (2,)})
    by_target = {targets for targets in said("attribute", *TWO_CUPS).values()}
    assert by_target == {(0,), (1,), (2,)}


def test_two_alike_are_never_told_apart_by_colour():
    assert not said("attribute", thing("red cup", -0.2, 0), thing("red cup", 0.2, 0))


def test_two_cups_almost_equally_left_are_never_told_apart_by_it():
    things = (thing("red cup", -0.20, -0.05), thing("blue cup", -0.205, 0.05))
    for kind in ("place", "extreme", "ordinal", "colloquial", "command"):
        assert not [text for text in said(kind, *things) if "left" in text or "right" in text]


def test_plurals_count_what_is_there():
    texts = said("plural", thing("red cup", -0.2, 0), thing("red cup", 0.2, 0), thing("blue cup", 0, 0.2))
    assert set(texts.values()) == {(0, 1, 2), (0, 1)}
    assert all("both" in text or "two" in text for text, targets in texts.items() if len(targets) == 2)


def test_absent_grades():
    colour = said("absent colour", *TWO_CUPS)
    assert colour
    assert not set(colour.values()) - {()}
    assert not [text for text in colour if "red cup" in text or "blue cup" in text or "bottle" in text]
    category = said("absent category", *TWO_CUPS)
    assert not [text for text in category if "cup" in text or "vase" in text]
    both = said("absent both", *TWO_CUPS)
    assert not [text for text in both if "cup" in text or "vase" in text or " red" in text]
    assert any("behind" in text for text in said("absent relation", *TWO_CUPS))


def test_nothing_is_asked_of_a_landmark_about_itself():
    things = (thing("white mug", -0.3, 0), thing("blue book", 0.3, 0))
    for text in said("absent relation", *things):
        assert ("mug" in text) and ("book" in text), text
    bananas = (thing("white banana", -0.05, 0), thing("red banana", 0.05, 0))
    assert found(Description("banana", excluded=Description(relation="next to", landmarks=(
        Description("banana", "white"),))), *bananas) == ()


def test_landmarks_are_named():
    things = (*TWO_CUPS, thing("blue book", 0.0, -0.2))
    scene, rendering = look(*things)
    relations = [expression for expression in expressions(scene, rendering, np.random.default_rng(0), "train",
                                                          per_kind=None) if expression.kind == "relation"]
    assert relations
    for expression in relations:
        (landmark,) = expression.landmarks
        assert expression.text.endswith(scene.objects[landmark].category)


# --- many scenes ------------------------------------------------------------------------------------------------------

def crowd(seed, count=9):
    """Objects strewn over the table by chance."""
    rng = np.random.default_rng(seed)
    names = [f"{colour} {category}" for colour in ("red", "blue", "green") for category in ("cup", "book", "can")]
    spots = [(x, y) for x in np.linspace(-0.3, 0.3, 5) for y in np.linspace(-0.2, 0.3, 4)]
    return [thing(str(rng.choice(names)), *(spots[k] + rng.uniform(-0.05, 0.05, 2)), scale=rng.uniform(0.8, 1.3))
            for k in rng.permutation(len(spots))[:count]]


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_expression_is_true_of_its_targets_alone(split):
    kinds = set()
    for seed in range(12):
        scene, rendering = look(*crowd(seed))
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


def test_an_expression_stops_being_true_when_its_target_changes():
    """The truth is not just what the generator wrote down."""
    scene, rendering = look(*crowd(3))
    for expression in expressions(scene, rendering, np.random.default_rng(0), "test"):
        if expression.description.category and expression.targets:
            things = list(scene.objects)
            for i in expression.targets:
                things[i] = SceneObject("ball", "white", things[i].position)
            assert verify(expression, Scene(tuple(things)), rendering) != expression.targets


def test_the_same_seed_says_the_same():
    scene, rendering = look(*crowd(1))
    first, second, other = (expressions(scene, rendering, np.random.default_rng(seed), "train") for seed in (5, 5, 6))
    assert first == second
    assert first != other


def test_the_splits_share_no_template_and_no_text():
    for form in (*TEMPLATES.values(), COMMANDS):
        assert not set(form["train"]) & set(form["test"])
    for seed in range(4):
        scene, rendering = look(*crowd(seed))
        train, test = ({expression.text for expression in
                        expressions(scene, rendering, np.random.default_rng(seed), split, per_kind=None)}
                       for split in ("train", "test"))
        assert not train & test


def test_per_kind_is_a_limit():
    scene, rendering = look(*crowd(2))
    kinds = [expression.kind for expression in expressions(scene, rendering, np.random.default_rng(0), "train", 3)]
    assert max(kinds.count(kind) for kind in KINDS) == 3
