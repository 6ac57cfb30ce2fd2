from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.evaluation import geometry
from ris_ros.sim.render import Renderer
from ris_ros.sim.scene import Scene, SceneObject

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report():
    return geometry.evaluate(scenes=12)


def test_boxes_on_the_table_are_located_to_a_centimetre(report):
    boxes = [box for box in report.placements if box.category in geometry.BOX_LIKE]
    exact = [box for box in boxes if box.condition == "exact"]
    assert len(exact) >= 5
    assert all(box.right for box in exact), [box for box in exact if not box.right]
    # The mean of the visible points is biased towards the camera.
    assert np.median([box.seen for box in exact]) > 2 * np.median([box.centre for box in exact])
    assert np.mean([box.right for box in boxes if box.condition == "faulty"]) > 0.5


def test_boxes_of_round_objects_include_the_hidden_half(report):
    categories = ("ball", "bottle", "bowl", "can", "cup", "vase")
    errors = [placement.centre for placement in report.placements
              if placement.condition == "exact" and placement.category in categories]
    assert len(errors) >= 10 and np.mean(np.array(errors) < 0.01) > 0.9


def test_only_unoccluded_objects_on_the_table_are_measured():
    scene = Scene((SceneObject("book", "red", (0, 0.1, 0)), SceneObject("bottle", "blue", (0, -0.12, 0)),
                   SceneObject("block", "green", (0.3, 0, 0)), SceneObject("can", "white", (-0.3, 0, 0), lying=True),
                   SceneObject("block", "pink", (0.3, 0, 0.0475), support=2)))
    with Renderer() as renderer:
        rendering = renderer.render(scene)
    measurable = [geometry.is_measurable(scene, rendering, index) for index in range(5)]
    assert measurable == [False, True, False, False, False]


def test_faulty_depth_is_noisy_has_holes_and_blends_edges():
    metres = np.full((60, 80), 0.8, np.float32)
    metres[:, 40:] = 1.6
    faulty = geometry.faulty_depth(metres, np.random.default_rng(0))
    assert faulty.dtype == np.float32
    assert 0.01 < (faulty == 0).mean() < 0.1
    near, far = faulty[:, 5:30], faulty[:, 50:75]
    assert 0.0005 < near[near > 0].std() < far[far > 0].std() < 0.01
    edge = faulty[:, 39]
    assert ((edge[edge > 0] > 0.9) & (edge[edge > 0] < 1.5)).all()


def test_a_report_is_json_and_a_table(report):
    answer = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert {"centre", "yaw", "width", "condition"} <= set(answer["placements"][0])
    assert report.table().row_count >= 4


def test_an_unknown_split_is_refused():
    with pytest.raises(InputError, match="split"):
        geometry.evaluate(split="dream")


def test_the_command_prints_json():
    run = subprocess.run([str(Path(sys.executable).with_name("ris")), "eval", "geometry", "--scenes", "1", "--json"],
                         capture_output=True, text=True, timeout=200, check=True)
    assert json.loads(run.stdout)["scenes"] == 1
