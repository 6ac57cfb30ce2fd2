"""Styles of the simulation: the same things drawn by other hands, with the same truth about them."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.sim import effects
from ris_ros.sim.expressions import CONFUSABLE_COLOURS
from ris_ros.sim.poses import world_vertices
from ris_ros.sim.render import Renderer
from ris_ros.sim.samples import samples
from ris_ros.sim.scene import Effects, Look, Scene, SceneObject
from ris_ros.sim.shapes import CATEGORIES, COLOURS
from ris_ros.sim.styles import STYLES, find_style, styles_of
from ris_ros.sim.tabletop import sample_scene
from ris_ros.sim.textures import TEXTURES, texture
from ris_ros.sim.variants import DISTRACTORS, catalogue
from ris_ros.sim.writer import write_dataset

pytestmark = pytest.mark.slow

OTHERS = [name for name in STYLES if name != "plain"]
CATALOGUES = sorted({name for style in STYLES.values() for name in style.catalogues})


@pytest.fixture(scope="module")
def renderer():
    with Renderer() as renderer:
        yield renderer


def test_the_plain_style_is_the_tabletop_as_it_was():
    scene = sample_scene(7)
    assert scene == sample_scene(7, style="plain") and scene.look == Look() and not scene.distractors
    assert [(obj.colour, obj.category) for obj in scene.objects] == [
        ("brown", "ball"), ("green", "banana"), ("brown", "book"), ("grey", "ball"), ("brown", "pen"), ("red", "mug"),
        ("pink", "cone")]
    assert scene.objects[0].position == pytest.approx((0.084634, 0.170019, 0.0), abs=1e-5)
    assert scene.light_position == pytest.approx((0.145039, -0.813857, 1.921374), abs=1e-5)


@pytest.mark.parametrize("style", OTHERS)
def test_a_style_changes_the_picture_only_and_repeats_it(renderer, style):
    scene = sample_scene(11, style=style)
    assert scene == sample_scene(11, style=style)
    assert {obj.category for obj in scene.objects} <= set(CATEGORIES)
    assert {obj.colour for obj in scene.objects} <= set(COLOURS)
    first = renderer.render(scene)
    renderer.render(sample_scene(1))
    again = renderer.render(scene)
    np.testing.assert_array_equal(again.image, first.image)
    np.testing.assert_array_equal(again.instances, first.instances)
    plain = renderer.render(dataclasses.replace(scene, look=Look(), objects=sample_scene(11).objects, distractors=()))
    assert np.abs(plain.image.astype(int) - first.image).mean() > 5


@pytest.mark.parametrize("style", OTHERS)
def test_a_true_mask_is_where_its_object_is_drawn(renderer, style):
    scene = sample_scene(11, style=style)
    scene = dataclasses.replace(scene, look=dataclasses.replace(scene.look, effects=Effects()))
    rendering = renderer.render(scene)
    for index, obj in enumerate(scene.objects):
        other = dataclasses.replace(obj, colour="green" if obj.colour != "green" else "red")
        objects = (*scene.objects[:index], other, *scene.objects[index + 1:])
        painted = renderer.render(dataclasses.replace(scene, objects=objects))
        changed = (painted.image != rendering.image).any(-1)
        mask = rendering.mask(index)
        wider = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
        # A pixel of an edge can be a mixture of more than its neighbours.
        assert (changed & ~wider).sum() <= max(3, 0.01 * mask.sum())
        # Labels, rims and pages keep a colour of their own.
        assert (changed & mask).sum() > 0.3 * mask.sum()


@pytest.mark.parametrize("style", OTHERS)
def test_colours_can_be_named_under_the_light_of_a_style(renderer, style):
    look = sample_scene(23, style=style).look
    sharp = dataclasses.replace(look.effects, blur=0.0, focus_blur=0.0, noise=0.0, outline=0.0)
    seen = {}
    for colour in COLOURS:
        ball = SceneObject("ball", colour, (0, 0, 0), scale=1.5, catalogue=look.catalogues["ball"])
        image, mask = (lambda r: (r.image, r.mask(0)))(renderer.render(
            Scene((ball,), look=dataclasses.replace(look, effects=sharp))))
        seen[colour] = np.median(image[mask], axis=0) / 255
    # Who names a colour has adapted to the light: white looks white.
    adapted = {colour: rgb / seen["white"] * COLOURS["white"].rgb() for colour, rgb in seen.items()}
    for colour, rgb in adapted.items():
        distances = {name: np.linalg.norm(_chroma(rgb) - _chroma(np.array(COLOURS[name].rgb()))) for name in COLOURS}
        assert colour in sorted(distances, key=distances.get)[:3], (colour, rgb)


def _chroma(rgb):
    # The light changes the brightness of an object more than its hue.
    return np.array([rgb[0] - rgb[1], rgb[1] - rgb[2], 0.35 * rgb.sum()])


@pytest.mark.parametrize("style", [name for name in OTHERS if STYLES[name].distractors[1]])
def test_no_expression_can_mean_a_distractor(style):
    found = 0
    for sample in samples("test", 3, per_kind=None, styles=[style]):
        scene, rendering = sample.scene, sample.rendering
        colours = {thing.colour for thing in scene.distractors}
        found += len(scene.distractors)
        if not scene.distractors:
            assert rendering.distractors is None
            continue
        assert set(np.unique(rendering.distractors)) <= set(range(len(scene.distractors) + 1))
        assert not ((rendering.distractors > 0) & (rendering.instances > 0)).any()
        for expression in sample.expressions:
            described = expression.description
            if described.category or not expression.targets:
                continue
            assert described.colour and described.colour not in colours
            assert not any({described.colour, colour} in CONFUSABLE_COLOURS for colour in colours)
    assert found


def test_distractors_are_of_no_category():
    assert not set(catalogue(DISTRACTORS)) & set(CATEGORIES)


@pytest.mark.parametrize("name", CATALOGUES)
def test_every_catalogue_has_the_shapes_of_every_category(name):
    shapes = catalogue(name)
    assert list(shapes) == list(CATEGORIES)
    for category, shape in shapes.items():
        plain = CATEGORIES[category]
        assert (shape.carries, shape.holds) == (plain.carries, plain.holds)
        assert (shape.rod is None) == (plain.rod is None)
        # The end of a handle or of a rim that bulges may dip a little below the foot.
        assert shape.vertices[:, 2].min() == pytest.approx(0, abs=3e-3)
        assert all(0.4 < size / other < 2.5 for size, other in zip(shape.size, plain.size, strict=True)), category
        if shape.lying_tilt is not None:
            lying = Scene((SceneObject(category, "red", (0.1, 0.2, 0), lying=True, catalogue=name),))
            assert world_vertices(lying, 0)[:, 2].min() == pytest.approx(0, abs=1e-3)


def test_the_styles_that_test_differ_in_kind_from_those_that_train():
    def seen(split):
        styles = [STYLES[name] for name in styles_of(split)]
        catalogues = {name.split()[0] for style in styles for name in style.catalogues}
        return catalogues, {name for style in styles for name in style.wall_textures + style.object_textures if name}
    (trained, train_patterns), (validated, _), (tested, test_patterns) = map(seen, ("train", "validation", "test"))
    assert not tested & (trained | validated) and not validated & trained
    assert not test_patterns & train_patterns
    assert not any(STYLES[name].outline[1] for name in styles_of("train") + styles_of("validation"))


def test_every_texture_is_drawn_alike_each_time():
    for name in ("wood", "tile", *TEXTURES):
        pixels = texture(name)
        assert pixels.dtype == np.uint8 and pixels.shape[2] == 3 and pixels.std() > 1
        np.testing.assert_array_equal(pixels, texture(name))


def test_the_default_effects_leave_the_image_as_it_is():
    image, depth = np.full((8, 8, 3), 77, np.uint8), np.ones((8, 8), np.float32)
    assert effects.apply(Effects(seed=5), image, depth) is image
    darker = effects.apply(Effects(gains=(0.5, 0.5, 0.5)), image, depth)
    assert (darker == 38).all()


def test_styles_share_the_scenes_of_a_data_set(tmp_path):
    write_dataset(tmp_path / "set", split="test", scenes=2, per_kind=1, styles=["plain", "toybox"])
    looks = [sample.scene.look.style for sample in samples("test", 2, per_kind=0, styles=["plain", "toybox"])]
    assert looks == ["plain", "toybox"]
    assert '"styles": ["plain", "toybox"]' in " ".join((tmp_path / "set" / "dataset.json").read_text().split()).replace(
        "[ ", "[").replace(" ]", "]")


def test_an_unknown_style_is_one_clear_line():
    with pytest.raises(InputError, match="no style 'baroque'; there are plain, studio"):
        find_style("baroque")
    program = str(Path(sys.executable).with_name("ris"))
    for command in (("eval", "sim"), ("sim", "write", "/nowhere/new"), ("sim", "render", "/nowhere/x.png")):
        process = subprocess.run([program, *command, "--style", "baroque"], capture_output=True, text=True, check=False,
                                 timeout=120)
        [line] = process.stderr.strip().splitlines()
        assert process.returncode == 2 and line.startswith("ris: no style 'baroque'; there are plain")
