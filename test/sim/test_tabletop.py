from __future__ import annotations

import logging
from itertools import combinations

import cv2
import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.sim.poses import world_vertices
from ris_ros.sim.samples import HELD_OUT_PAIRS
from ris_ros.sim.shapes import ALL_PAIRS, CATEGORIES, COLOURS
from ris_ros.sim.tabletop import footprint, sample_scene

SCENES = [sample_scene(seed) for seed in range(30)]
OBJECTS = [(scene, i) for scene in SCENES for i in range(len(scene.objects))]


def pairs(scene):
    return {(obj.colour, obj.category) for obj in scene.objects}


def test_the_same_seed_gives_the_same_scene():
    assert sample_scene(5) == SCENES[5]
    assert sample_scene(6) != SCENES[5]


def test_scenes_have_four_to_nine_objects_and_every_category_and_colour():
    assert {len(scene.objects) for scene in SCENES} == {4, 5, 6, 7, 8, 9}
    assert {obj.category for scene in SCENES for obj in scene.objects} == set(CATEGORIES)
    assert {obj.colour for scene in SCENES for obj in scene.objects} == set(COLOURS)


def test_categories_and_colours_repeat_in_most_scenes():
    def repeats(attribute):
        return [len({getattr(obj, attribute) for obj in scene.objects}) < len(scene.objects) for scene in SCENES]
    assert np.mean(repeats("category")) > 0.5
    assert np.mean(repeats("colour")) > 0.5


def test_scenes_have_lying_stacked_and_contained_objects():
    objects = [obj for scene in SCENES for obj in scene.objects]
    assert sum(obj.lying for obj in objects) >= 5
    assert sum(obj.inside for obj in objects) >= 5
    assert sum(obj.support is not None and not obj.inside for obj in objects) >= 5


def test_objects_on_the_table_touch_it():
    lowest = [world_vertices(scene, i)[:, 2].min() for scene, i in OBJECTS if scene.objects[i].support is None]
    np.testing.assert_allclose(lowest, 0, atol=4e-4)


def test_objects_on_another_touch_its_top_and_have_their_middle_over_it():
    for scene, i in OBJECTS:
        obj = scene.objects[i]
        if obj.support is None or obj.inside:
            continue
        assert obj.support < i
        under = scene.objects[obj.support]
        top = under.position[2] + under.scale * CATEGORIES[under.category].top[0]
        assert world_vertices(scene, i)[:, 2].min() == pytest.approx(top, abs=4e-4)
        outline = footprint(scene, obj.support)
        assert cv2.pointPolygonTest(outline, world_vertices(scene, i)[:, :2].mean(0).astype(float).tolist(), False) > 0


def test_objects_in_a_vessel_touch_it_and_stay_within_its_walls():
    for scene, i in OBJECTS:
        obj = scene.objects[i]
        if not obj.inside:
            continue
        vessel = scene.objects[obj.support]
        radius, height = (vessel.scale * CATEGORIES[vessel.category].interior).T
        vertices = world_vertices(scene, i) - vessel.position
        across = np.linalg.norm(vertices[:, :2], axis=1)
        below_rim = vertices[:, 2] < height[-1]
        above_floor = vertices[:, 2] - np.interp(across, radius, height)
        assert above_floor[below_rim].min() > -0.002
        assert above_floor.min() < 0.003


def test_no_object_penetrates_another():
    def related(scene, i, j):
        chain, k = {j}, j
        while (k := scene.objects[k].support) is not None:
            chain.add(k)
        return i in chain
    for scene in SCENES:
        for i, j in combinations(range(len(scene.objects)), 2):
            if not related(scene, i, j):
                area, _ = cv2.intersectConvexConvex(footprint(scene, i), footprint(scene, j))
                assert area == 0, (i, j)


def test_pairs_are_excluded_and_selected():
    for seed in range(10):
        assert not pairs(sample_scene(seed, exclude_pairs=HELD_OUT_PAIRS)) & HELD_OUT_PAIRS
        assert pairs(sample_scene(seed, only_pairs=HELD_OUT_PAIRS)) <= HELD_OUT_PAIRS


def test_no_pairs_left_is_an_input_error():
    with pytest.raises(InputError, match="exclude_pairs"):
        sample_scene(0, exclude_pairs=ALL_PAIRS)


def test_a_scene_without_room_for_all_objects_has_fewer_and_logs_it(caplog):
    with caplog.at_level(logging.INFO):
        scene = sample_scene(0, count=20)
    assert 4 < len(scene.objects) < 20
    assert "did not fit" in caplog.text
