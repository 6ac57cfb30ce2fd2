from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ris_ros.sim.meshes import Mesh, box, corner_normals, join, lathe, sweep
from ris_ros.sim.shapes import CATEGORIES

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
    corners, normals = corner_normals(box((0.2, 0.2, 0.2)))
    assert (np.abs(normals).max(1) > 0.999).all()
    corners, normals = corner_normals(CATEGORIES["ball"].parts["body"])
    outward = corners - corners.mean(0)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    assert (outward * normals).sum(1).min() > 0.98


@pytest.mark.parametrize(("category", "part"), PARTS)
def test_every_part_is_a_closed_surface_that_faces_outwards(category, part):
    mesh = CATEGORIES[category].parts[part]
    count = edges(mesh)
    assert all(count[b, a] == number for (a, b), number in count.items())
    assert volume(mesh) > 0
