from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from ris_ros.sim.poses import project, world_vertices
from ris_ros.sim.render import Renderer
from ris_ros.sim.scene import Camera, Scene, SceneObject
from ris_ros.sim.shapes import CATEGORIES, COLOURS
from ris_ros.sim.tabletop import sample_scene

pytestmark = pytest.mark.slow

THREE = Scene((SceneObject("ball", "red", (-0.2, 0.0, 0.0)), SceneObject("box", "blue", (0.0, 0.1, 0.0), yaw=0.4),
               SceneObject("cup", "green", (0.2, -0.1, 0.0), lying=True)))


@pytest.fixture(scope="module")
def renderer():
    with Renderer() as renderer:
        yield renderer


@pytest.fixture(scope="module")
def three(renderer):
    return renderer.render(THREE)


def world_points(rendering):
    """Return every pixel's point, [H, W, 3], in the world frame."""
    rows, columns = np.indices(rendering.depth.shape)
    rays = np.stack([columns, rows, np.ones_like(rows)], -1) @ np.linalg.inv(rendering.intrinsics).T
    points = rays * rendering.depth[..., None]
    return points @ rendering.camera_pose[:3, :3].T + rendering.camera_pose[:3, 3]


def test_shapes_and_types(three):
    assert three.image.shape == (480, 640, 3) and three.image.dtype == np.uint8
    assert three.depth.shape == (480, 640) and three.depth.dtype == np.float32
    assert three.instances.shape == (480, 640) and three.instances.dtype == np.int32
    assert set(np.unique(three.instances)) == {0, 1, 2, 3}
    assert three.mask(1).sum() == (three.instances == 2).sum() > 1000


def test_the_camera_sets_the_image_size(renderer):
    small = renderer.render(Scene(THREE.objects, camera=Camera(width=320, height=200)))
    assert small.image.shape == (200, 320, 3) and small.depth.shape == small.instances.shape == (200, 320)


def test_the_same_scene_gives_the_same_image(renderer, three):
    renderer.render(sample_scene(3))
    again = renderer.render(THREE)
    np.testing.assert_array_equal(again.image, three.image)
    np.testing.assert_array_equal(again.depth, three.depth)
    np.testing.assert_array_equal(again.instances, three.instances)


def test_depth_is_metric(three):
    points = world_points(three)
    table = points[400, 320]
    assert table[2] == pytest.approx(0, abs=1e-3)
    ball = points[three.mask(0)]
    radius = CATEGORIES["ball"].size[2] / 2
    np.testing.assert_allclose(np.linalg.norm(ball - (-0.2, 0, radius), axis=1), radius, atol=2e-3)


def test_the_points_of_a_mask_lie_on_its_object(three):
    points = world_points(three)
    for index in range(3):
        vertices = world_vertices(THREE, index)
        low, high = vertices.min(0) - 0.003, vertices.max(0) + 0.003
        inside = ((points >= low) & (points <= high)).all(-1)
        assert inside[three.mask(index)].all()
        above_table = inside & (points[..., 2] > 0.006)
        assert (three.instances[above_table] == index + 1).all()


def test_an_object_is_visible_where_it_projects_to(renderer):
    for seed in (1, 2, 4):
        scene = sample_scene(seed)
        rendering = renderer.render(scene)
        for index in range(len(scene.objects)):
            rows, columns = np.nonzero(rendering.mask(index))
            pixels = project(scene, world_vertices(scene, index))
            assert pixels[:, 0].min() - 1 <= columns.min() and columns.max() <= pixels[:, 0].max() + 1
            assert pixels[:, 1].min() - 1 <= rows.min() and rows.max() <= pixels[:, 1].max() + 1


def test_an_unoccluded_object_fills_its_projection(three):
    rows, columns = np.nonzero(three.mask(1))
    pixels = project(THREE, world_vertices(THREE, 1))
    np.testing.assert_allclose([columns.min(), columns.max(), rows.min(), rows.max()],
                               [*np.quantile(pixels[:, 0], (0, 1)), *np.quantile(pixels[:, 1], (0, 1))], atol=1.5)


def test_every_object_of_a_sampled_scene_is_visible(renderer):
    for seed in range(8):
        scene = sample_scene(seed)
        rendering = renderer.render(scene)
        areas = [rendering.mask(index).sum() for index in range(len(scene.objects))]
        assert min(areas) >= 150, (seed, areas)


@pytest.mark.parametrize("colour", COLOURS)
def test_objects_have_their_colour(renderer, colour):
    rendering = renderer.render(Scene((SceneObject("ball", colour, (0, 0, 0)),)))
    rendered = np.median(rendering.image[rendering.mask(0)], axis=0) / 255
    distances = {name: np.linalg.norm(_chroma(rendered) - _chroma(np.array(COLOURS[name].rgb()))) for name in COLOURS}
    assert colour in sorted(distances, key=distances.get)[:2]


def _chroma(rgb):
    # The light changes the brightness of an object more than its hue.
    return np.array([rgb[0] - rgb[1], rgb[1] - rgb[2], 0.35 * rgb.sum()])


def test_without_graphics_the_error_names_the_packages():
    code = ("from ris_ros.errors import MissingError\nfrom ris_ros.sim.render import Renderer\n"
            "from ris_ros.sim.scene import Scene\ntry: Renderer().render(Scene(()))\n"
            "except MissingError as error: print(error)")
    # Debian's packages for EGL bring no OSMesa, so this asks for a library that is not there.
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                           env={**os.environ, "MUJOCO_GL": "osmesa", "PYOPENGL_PLATFORM": "osmesa"})
    assert "libegl1" in shown.stdout


def test_a_process_that_has_rendered_can_still_import_torch():
    # Mesa's LLVM and Triton's crashed each other in this order.
    program = ("from ris_ros.sim.render import Renderer; from ris_ros.sim.tabletop import sample_scene; "
               "Renderer().render(sample_scene(0)); import torchvision")
    assert subprocess.run([sys.executable, "-c", program], timeout=120, check=False).returncode == 0
