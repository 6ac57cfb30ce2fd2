from __future__ import annotations

import pytest

from ris_ros.sim.predicates import SceneView
from ris_ros.sim.scene import SceneObject
from ris_ros.sim.semantics import Description, resolve, resolve_landmarks

BOOK = Description("book")


def obj(name, x, y, **more):
    colour, category = name.split()
    return SceneObject(category, colour, (x, y, more.pop("z", 0.0)), **more)


@pytest.fixture(scope="module")
def found(paint):
    """A function that resolves a description among objects."""
    return lambda description, *objects: resolve(description, SceneView(*paint(*objects)))


def test_a_noun_needs_category_and_colour(found):
    objects = (obj("red cup", -0.2, 0), obj("blue cup", 0, 0), obj("red ball", 0.2, 0))
    assert found(Description("cup"), *objects) == (0, 1)
    assert found(Description("", "red"), *objects) == (0, 2)
    assert found(Description("cup", "red"), *objects) == (0,)
    assert found(Description("cup", "green"), *objects) == ()


def test_a_mug_may_be_called_a_cup(found):
    objects = (obj("red cup", -0.2, 0), obj("blue mug", 0.2, 0))
    assert found(Description("cup"), *objects) is None
    assert found(Description("cup", "red"), *objects) == (0,)
    assert found(Description("cup", "blue"), *objects) is None


def test_left_refers_to_the_image_and_has_an_undecided_margin(found):
    left = Description("cup", region="left")
    assert found(left, obj("red cup", -0.2, 0), obj("blue cup", 0.2, 0)) == (0,)
    assert found(left, obj("red cup", -0.2, 0), obj("blue cup", -0.25, 0.1)) == (0, 1)
    assert found(left, obj("red cup", -0.2, 0), obj("blue cup", -0.05, 0)) is None


@pytest.mark.parametrize(("region", "target"), [
    ("top left", 0), ("top right", 1), ("bottom left", 2), ("bottom right", 3), ("middle", 4)])
def test_regions_in_two_directions(found, region, target):
    objects = [obj("red cup", x, y) for x, y in ((-0.3, 0.3), (0.3, 0.3), (-0.25, -0.25), (0.25, -0.25), (0, 0.02))]
    assert found(Description("cup", region=region), *objects) == (target,)


def test_the_middle_is_undecided_if_the_middle_one_of_a_row_is_another_object(found):
    off = (obj("red cup", -0.35, 0.02), obj("blue cup", -0.2, 0.02), obj("green cup", 0.0, 0.02))
    even = (obj("red cup", -0.3, 0.02), obj("blue cup", 0.0, 0.02), obj("green cup", 0.3, 0.02))
    assert found(Description("cup", region="middle"), *off) is None
    assert found(Description("cup", region="middle"), *even) == (1,)


@pytest.mark.parametrize(("ranking", "expected"), [("left", [1, 0, 2]), ("right", [2, 0, 1]), ("near", [2, 1, 0]),
                                                ("far", [0, 1, 2])])
def test_rankings_count_from_their_end(found, ranking, expected):
    objects = (obj("red cup", 0, 0.3), obj("blue cup", -0.2, 0.05), obj("green cup", 0.2, -0.2))
    for rank, target in enumerate(expected, 1):
        assert found(Description("cup", ranking=ranking, rank=rank), *objects) == (target,)
    assert found(Description("cup", ranking=ranking, rank=4), *objects) == ()


def test_almost_equally_left_is_undecided(found):
    objects = (obj("red cup", -0.20, -0.2), obj("blue cup", -0.205, 0.0), obj("green cup", 0.3, 0))
    assert found(Description("cup", ranking="left", rank=1), *objects) is None
    assert found(Description("cup", ranking="right", rank=1), *objects) == (2,)
    assert found(Description("cup", ranking="right", rank=2), *objects) is None


def test_size_is_the_scale_unless_the_image_contradicts(found):
    largest, smallest = (Description("bowl", ranking=ranking, rank=1) for ranking in ("large", "small"))
    clear = (obj("red bowl", -0.2, 0, scale=1.3), obj("blue bowl", 0.2, 0, scale=0.9))
    assert found(largest, *clear) == (0,)
    assert found(smallest, *clear) == (1,)
    alike = (obj("red bowl", -0.2, 0, scale=1.05), obj("blue bowl", 0.2, 0, scale=1.0))
    assert found(largest, *alike) is None
    partly_hidden = (*clear, obj("black box", -0.2, -0.03, scale=1.1))
    assert found(largest, *partly_hidden) is None


def test_size_is_not_compared_between_categories(found):
    assert found(Description("", "red", ranking="large", rank=1), obj("red cup", -0.2, 0, scale=1.4),
                 obj("red bowl", 0.2, 0)) is None


def test_a_lying_bottle_has_no_height(found):
    tallest = Description("bottle", ranking="tall", rank=1)
    short = obj("blue bottle", 0.2, 0, scale=0.8)
    assert found(tallest, obj("red bottle", -0.2, 0, scale=1.3), short) == (0,)
    assert found(tallest, obj("red bottle", -0.2, 0, scale=1.3, lying=True), short) is None


def test_an_object_in_a_vessel_has_no_size(found):
    objects = (obj("white mug", -0.2, 0), obj("red pen", -0.2, 0, z=0.05, scale=1.3, support=0, inside=True),
              obj("blue pen", 0.2, 0, scale=0.8))
    assert found(Description("pen", ranking="large", rank=1), *objects) is None


def test_on_in_and_under_follow_the_supports(found):
    objects = (obj("blue book", 0, 0), obj("red cup", 0, 0, z=0.03, support=0),
              obj("white bowl", 0.3, 0), obj("red ball", 0.3, 0, z=0.02, support=2, inside=True),
              obj("green cup", -0.3, 0))
    assert found(Description("cup", relation="on", landmarks=(BOOK,)), *objects) == (1,)
    assert found(Description(relation="in", landmarks=(Description("bowl"),)), *objects) == (3,)
    assert found(Description(relation="on", landmarks=(Description("bowl"),)), *objects) == ()
    assert found(Description("book", relation="under", landmarks=(Description("cup", "red"),)), *objects) == (0,)


def test_whether_the_top_of_a_stack_is_on_its_bottom_is_undecided(found):
    objects = (obj("blue book", 0, 0), obj("green book", 0, 0, z=0.03, support=0),
              obj("red cup", 0, 0, z=0.06, support=1))
    assert found(Description("cup", relation="on", landmarks=(Description("book", "blue"),)), *objects) is None


@pytest.mark.parametrize(("relation", "target"), [
    ("left of", 1), ("right of", 2), ("behind", 3), ("in front of", 4), ("above", 3), ("below", 4)])
def test_directions(found, relation, target):
    objects = (obj("blue book", 0, 0.02), obj("red cup", -0.25, 0.02), obj("red cup", 0.25, 0.02),
              obj("red cup", 0, 0.3), obj("red cup", 0, -0.2))
    assert found(Description("cup", relation=relation, landmarks=(BOOK,)), *objects) == (target,)


def test_the_direction_of_a_diagonal_neighbour_is_undecided(found):
    objects = (obj("blue book", 0, 0.0), obj("red cup", -0.25, 0.0), obj("green cup", -0.05, 0.3))
    assert found(Description("cup", relation="left of", landmarks=(BOOK,)), *objects) is None


def test_an_object_on_a_book_is_not_next_to_it(found):
    objects = (obj("blue book", 0, 0), obj("red cup", -0.08, 0, z=0.03, support=0), obj("green cup", 0.3, 0))
    assert found(Description("cup", relation="left of", landmarks=(BOOK,)), *objects) is None


def test_next_to_has_an_undecided_margin(found):
    near, middling, away = (obj("red cup", x, 0) for x in (0.15, -0.22, -0.3))
    next_to = Description("cup", relation="next to", landmarks=(BOOK,))
    assert found(next_to, obj("blue book", 0, 0), near, away) == (1,)
    assert found(next_to, obj("blue book", 0, 0), near, middling) is None


def test_between_is_near_the_middle_of_the_connecting_line(found):
    box, can = obj("red box", -0.2, 0.0), obj("blue can", 0.2, 0.1)
    sides = (Description("box"), Description("can"))
    description = Description("bottle", relation="between", landmarks=sides)
    inside, outside, doubtful = (obj("green bottle", *position) for position in ((0, 0.05), (0.35, 0.1), (0.0, 0.18)))
    assert found(description, box, can, inside, outside) == (2,)
    assert found(description, box, can, inside, doubtful) is None
    books = (obj("red book", -0.2, 0.0), obj("blue book", 0.2, 0.1))
    pair = (Description("book", count=2),)
    assert found(Description("bottle", relation="between", landmarks=pair), *books, inside, outside) == (2,)
    assert found(Description("bottle", relation="between", landmarks=pair), *books,
                 obj("red book", 0, 0.3), inside) is None


def test_excluded_objects_are_left_out(found):
    objects = (obj("red cup", -0.2, 0), obj("blue cup", 0.2, 0), obj("blue book", 0, 0.2),
              obj("red ball", 0, 0.2, z=0.03, support=2))
    assert found(Description("cup", excluded=Description(colour="red")), *objects) == (1,)
    assert found(Description("", "red", excluded=Description(relation="on", landmarks=(BOOK,))), *objects) == (0,)


def test_a_landmark_must_be_one_object(paint):
    objects = (obj("red book", -0.2, 0), obj("blue book", 0.2, 0), obj("red cup", 0.2, 0, z=0.03, support=1))
    view = SceneView(*paint(*objects))
    assert resolve(Description("cup", relation="on", landmarks=(BOOK,)), view) is None
    assert resolve_landmarks(Description("cup", relation="on", landmarks=(Description("book", "blue"),)), view) == (1,)


def test_descriptions_that_an_occluded_object_could_fit_are_undecided(found):
    objects = (obj("red cup", 0, 0.1), obj("black box", 0, 0.0, scale=3), obj("blue cup", -0.3, 0))
    assert found(Description("cup"), *objects) is None
    assert found(Description("cup", "red"), *objects) is None
    assert found(Description("cup", "blue"), *objects) == (2,)
    assert found(Description("cup", "green"), *objects) == ()


def test_an_excluded_landmark_does_not_fit_itself(found):
    bananas = (obj("white banana", -0.05, 0), obj("red banana", 0.05, 0))
    assert found(Description("banana", excluded=Description(relation="next to", landmarks=(
        Description("banana", "white"),))), *bananas) == ()
