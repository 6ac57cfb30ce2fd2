from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.sim.poses import project, world_vertices
from ris_ros.sim.render import Renderer
from ris_ros.sim.sequences import CAMERA_KINDS, KINDS, OUT_OF_SIGHT_KINDS, render_frames, sample_sequence
from ris_ros.sim.tabletop import footprint

pytestmark = pytest.mark.slow

SEED = 100_020


@pytest.fixture(scope="module")
def sequences():
    return {kind: sample_sequence(kind, SEED) for kind in KINDS}


def test_the_same_seed_gives_the_same_sequence(sequences):
    assert sample_sequence("pan", SEED) == sequences["pan"]
    assert sample_sequence("pan", SEED + 1) != sequences["pan"]
    assert len(sample_sequence("pan", SEED, 7).scenes) == 7


def test_an_unknown_kind_is_refused():
    with pytest.raises(InputError, match="swing, dolly"):
        sample_sequence("zoom", SEED)


@pytest.mark.parametrize("kind", CAMERA_KINDS)
def test_in_camera_kinds_only_the_camera_moves_and_the_target_stays_in_the_image(sequences, kind):
    sequence = sequences[kind]
    assert {scene.objects for scene in sequence.scenes} == {sequence.scenes[0].objects}
    assert all(one.camera != other.camera for one, other in itertools.pairwise(sequence.scenes))
    for scene in sequence.scenes:
        pixels = project(scene, world_vertices(scene, sequence.target))
        assert ((pixels > 0) & (pixels < (scene.camera.width, scene.camera.height))).all()


def test_only_the_target_is_pushed_and_it_touches_nothing(sequences):
    sequence = sequences["pushed"]
    for scene in sequence.scenes:
        moved = {i for i, obj in enumerate(scene.objects) if obj != sequence.scenes[0].objects[i]}
        assert moved <= {sequence.target}
        outline = footprint(scene, sequence.target)
        for i in range(len(scene.objects)):
            if i != sequence.target:
                gap = np.linalg.norm(outline[:, None] - footprint(scene, i)[None], axis=2).min()
                assert gap > 0.005


@pytest.mark.parametrize("kind", ["beside", "passing"])
def test_a_distractor_has_the_targets_category_and_moves_while_the_target_rests(sequences, kind):
    sequence = sequences[kind]
    first, last = sequence.scenes[0].objects, sequence.scenes[-1].objects
    assert first[sequence.distractor].category == first[sequence.target].category
    assert first[sequence.distractor].position != last[sequence.distractor].position
    assert first[sequence.target] == last[sequence.target]


def test_about_every_third_distractor_has_the_targets_colour():
    same_colour = []
    for seed in range(SEED, SEED + 24):
        sequence = sample_sequence("passing", seed, 2)
        target, distractor = (sequence.scenes[0].objects[i] for i in (sequence.target, sequence.distractor))
        same_colour.append(distractor.colour == target.colour)
    assert 2 <= sum(same_colour) <= 16


@pytest.mark.parametrize("kind", OUT_OF_SIGHT_KINDS)
def test_the_target_is_out_of_sight_for_a_while_and_returns(sequences, kind):
    sequence = sequences[kind]
    # Rendering all frames would be slow.
    few = dataclasses.replace(sequence, scenes=sequence.scenes[::5])
    with Renderer() as renderer:
        shown = list(render_frames(few, renderer))
    visible = np.array([frame.visible for frame in shown])
    assert visible[0] > 0.9 and visible.min() < 0.5 and visible[-1] > 0.9
    for frame in shown:
        assert (frame.mask == frame.rendering.mask(sequence.target)).all()
