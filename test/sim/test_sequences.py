from __future__ import annotations

import itertools

import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.sim.poses import project, world_vertices
from ris_ros.sim.render import Renderer
from ris_ros.sim.sequences import HIDING, KINDS, MOVING_CAMERA, frames, sample_sequence
from ris_ros.sim.tabletop import footprint

SEED = 100_020


@pytest.fixture(scope="module")
def films():
    return {kind: sample_sequence(kind, SEED) for kind in KINDS}


def test_a_film_is_the_same_every_time_and_another_for_another_seed(films):
    assert sample_sequence("pan", SEED) == films["pan"]
    assert sample_sequence("pan", SEED + 1) != films["pan"]
    assert len(sample_sequence("pan", SEED, 7).scenes) == 7


def test_an_unknown_kind_is_refused():
    with pytest.raises(InputError, match="swing, dolly"):
        sample_sequence("zoom", SEED)


@pytest.mark.parametrize("kind", MOVING_CAMERA)
def test_with_a_moving_camera_only_the_camera_moves_and_the_target_stays_in_the_picture(films, kind):
    film = films[kind]
    assert {scene.objects for scene in film.scenes} == {film.scenes[0].objects}
    assert all(one.camera != other.camera for one, other in itertools.pairwise(film.scenes))
    for scene in film.scenes:
        pixels = project(scene, world_vertices(scene, film.target))
        assert ((pixels > 0) & (pixels < (scene.camera.width, scene.camera.height))).all()


def test_only_the_target_is_pushed_and_it_touches_nothing(films):
    film = films["pushed"]
    for scene in film.scenes:
        moved = {i for i, thing in enumerate(scene.objects) if thing != film.scenes[0].objects[i]}
        assert moved <= {film.target}
        outline = footprint(scene, film.target)
        for i in range(len(scene.objects)):
            if i != film.target:
                gap = np.linalg.norm(outline[:, None] - footprint(scene, i)[None], axis=2).min()
                assert gap > 0.005


@pytest.mark.parametrize("kind", ["beside", "passing"])
def test_a_distractor_is_of_the_targets_category_and_moves_while_the_target_rests(films, kind):
    film = films[kind]
    first, last = film.scenes[0].objects, film.scenes[-1].objects
    assert first[film.distractor].category == first[film.target].category
    assert first[film.distractor].position != last[film.distractor].position
    assert first[film.target] == last[film.target]


def test_every_third_distractor_or_so_is_a_twin():
    twins = [film.scenes[0].objects[film.distractor].colour == film.scenes[0].objects[film.target].colour
             for film in (sample_sequence("passing", seed, 2) for seed in range(SEED, SEED + 24))]
    assert 2 <= sum(twins) <= 16


@pytest.mark.parametrize("kind", HIDING)
def test_the_target_is_hidden_for_a_while_and_comes_back(films, kind):
    film = films[kind]
    # Few of the frames, which take their time to render.
    few = type(film)(film.kind, film.seed, film.scenes[::5], film.target, film.distractor)
    with Renderer() as renderer:
        shown = list(frames(few, renderer))
    visible = np.array([frame.visible for frame in shown])
    assert visible[0] > 0.9 and visible.min() < 0.5 and visible[-1] > 0.9
    for frame in shown:
        assert (frame.mask == frame.rendering.mask(film.target)).all()
