from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from ris_ros.sim.meshes import Mesh, box, join, lathe, shaded, sweep
from ris_ros.sim.poses import pose, world_vertices
from ris_ros.sim.scene import Scene, SceneObject
from ris_ros.sim.shapes import CATEGORIES, COLOURS

PARTS = [(category, part) for category, shape in CATEGORIES.items() for part in shape.parts]


def volume(mesh: Mesh) -> float:
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces], 1, 0)
    return float((a * np.cross(b, c)).sum() / 6)


def edges(mesh: Mesh) -> Counter:
    return Counter((int(face[i]), int(face[(i + 1) % 3])) for face in mesh.faces for i in range(3))


def test_a_lathed_cylinder_has_its_volume():
    assert volume(lathe([(0, 0), (0.1, 0), (0.1, 0.3), (0, 0.3)], 200)) == pytest.approx(np.pi * 0.01 * 0.3, rel=1e-3)


def test_a_hollow_body_lacks_the_volume_of_its_inside():
    solid = lathe([(0, 0), (0.1, 0), (0.1, 0.3), (0, 0.3)])
    hollow = lathe([(0, 0), (0.1, 0), (0.1, 0.3), (0.08, 0.3), (0.08, 0.02), (0, 0.02)])
    inside = lathe([(0, 0.02), (0.08, 0.02), (0.08, 0.3), (0, 0.3)])
    assert volume(hollow) == pytest.approx(volume(solid) - volume(inside))


def test_a_box_and_a_straight_tube_have_their_volume():
    assert volume(box((0.2, 0.3, 0.4))) == pytest.approx(0.024)
    path = np.column_stack([np.linspace(0, 1, 5), np.zeros(5), np.zeros(5)])
    tube = sweep(path, np.tile([0.1, 0.05], (5, 1)), up=(0, 0, 1), segments=200)
    assert volume(tube) == pytest.approx(np.pi * 0.1 * 0.05, rel=1e-3)


def test_joined_meshes_keep_their_volumes():
    two = join(box((0.1, 0.1, 0.1)), box((0.1, 0.1, 0.1), (1, 0, 0)))
    assert volume(two) == pytest.approx(0.002)


def test_normals_of_a_box_stay_sharp_and_of_a_ball_are_smooth():
    corners, normals = shaded(box((0.2, 0.2, 0.2)))
    assert (np.abs(normals).max(1) > 0.999).all()
    corners, normals = shaded(CATEGORIES["ball"].parts["body"])
    outward = corners - corners.mean(0)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    assert (outward * normals).sum(1).min() > 0.98


@pytest.mark.parametrize(("category", "part"), PARTS)
def test_every_part_is_a_closed_surface_with_its_inside_inside(category, part):
    mesh = CATEGORIES[category].parts[part]
    count = edges(mesh)
    assert all(count[b, a] == number for (a, b), number in count.items())
    assert volume(mesh) > 0


def test_there_are_enough_categories_and_colours():
    assert len(CATEGORIES) >= 12
    assert set(COLOURS) == {"red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white",
                            "grey"}


@pytest.mark.parametrize("category", CATEGORIES)
def test_shapes_stand_on_the_ground_and_have_a_plausible_size(category):
    shape = CATEGORIES[category]
    assert shape.vertices[:, 2].min() == pytest.approx(0, abs=4e-4)
    assert 0.015 < max(shape.size) < 0.25
    assert 0.02 < shape.footprint_radius < 0.14


@pytest.mark.parametrize("category", [name for name, shape in CATEGORIES.items() if shape.lying_tilt is not None])
def test_what_lies_on_its_side_rests_on_two_ends(category):
    scene = Scene((SceneObject(category, "red", (0.1, 0.2, 0.0), yaw=0.7, scale=1.1, lying=True),))
    vertices = world_vertices(scene, 0)
    touching = vertices[vertices[:, 2] < 5e-4]
    assert vertices[:, 2].min() == pytest.approx(0, abs=1e-9)
    assert np.linalg.norm(np.ptp(touching[:, :2], axis=0)) > 0.03
    _, axis = pose(scene, 0)[0] @ (1, 0, 0), pose(scene, 0)[0] @ (0, 0, 1)
    assert abs(axis[2]) < 0.3


def test_an_object_is_where_its_position_says():
    scene = Scene((SceneObject("box", "red", (0.1, -0.2, 0.0), yaw=1.0, scale=1.2),))
    vertices = world_vertices(scene, 0)
    np.testing.assert_allclose((vertices.min(0) + vertices.max(0))[:2] / 2, (0.1, -0.2), atol=1e-3)
    assert np.ptp(vertices[:, 2]) == pytest.approx(1.2 * CATEGORIES["box"].size[2])


def test_colours_stay_apart_even_when_tinted():
    corners = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
    shades = {name: np.array([colour.rgb(tint) for tint in corners]) for name, colour in COLOURS.items()}
    for one, other in combinations(COLOURS, 2):
        assert np.linalg.norm(shades[one][:, None] - shades[other], axis=2).min() > 0.12, (one, other)


def test_what_a_shape_carries_or_holds_exists_and_it_has_a_place_for_it():
    for shape in CATEGORIES.values():
        assert set(shape.carries + shape.holds) <= set(CATEGORIES)
        assert shape.top is not None if shape.carries else shape.top is None
        assert shape.interior is not None or not shape.holds
