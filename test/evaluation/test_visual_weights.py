from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from ris_ros.cli.evaluation_sim import eval_app
from ris_ros.config import EncoderConfig
from ris_ros.encoding import load_encoder
from ris_ros.errors import InputError
from ris_ros.evaluation.visual_weights import evaluate, select_by_weight
from ris_ros.sim.render import Renderer
from ris_ros.sim.samples import TEST_SEEDS
from ris_ros.sim.tabletop import sample_scene

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def encoder():
    return load_encoder(EncoderConfig(model="bundled"), "cpu")


def test_the_bundled_model_selects_objects_of_unseen_scenes(encoder):
    selected = []
    with Renderer() as renderer:
        for seed in TEST_SEEDS[:10]:
            scene = sample_scene(seed)
            rendering = renderer.render(scene)
            masks = np.stack([rendering.mask(index) for index in range(len(scene.objects))])
            selected += select_by_weight(encoder, scene, rendering.image, masks).values()
    local, fused = np.mean(selected, axis=0)[[0, 4]]
    assert len(selected) > 40
    assert fused >= 0.95
    assert local >= 0.95


def test_the_command_prints_every_kind_of_scene_with_true_and_with_imperfect_masks():
    shown = CliRunner().invoke(eval_app, ["sim", "--visual-weights", "--scenes", "1"])
    assert shown.exit_code == 0
    report = json.loads(shown.stdout)
    assert report.pop("weights") == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    for kind in ("seen pairs", "held-out pairs only", "all pairs"):
        for suffix in ("", ", imperfect masks"):
            assert report[kind + suffix]["objects"] > 0
            assert len(report[kind + suffix]["accuracy"]) == 11


def test_a_number_of_scenes_that_the_split_lacks_is_refused(encoder):
    with pytest.raises(InputError, match="scenes must be 1 to"):
        evaluate(encoder, scenes=0)
