from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from ris_ros.errors import InputError
from ris_ros.evaluation.datasets.folder import read_folder
from ris_ros.sim.samples import samples
from ris_ros.sim.writer import write_dataset


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data") / "set"
    return directory, write_dataset(directory, split="test", scenes=2, start=5, per_kind=1)


def test_a_written_folder_is_read_back(written):
    directory, counts = written
    folder = read_folder(directory)
    scenes = list(samples("test", 2, start=5, per_kind=1))
    assert counts == {"scenes": 2, "expressions": len(folder.samples)}
    expected = [(scene, expression) for scene in scenes for expression in scene.expressions]
    for sample, (scene, expression) in zip(folder.samples, expected, strict=True):
        rendering = scene.rendering
        assert (sample.text, sample.kind, sample.phrase) == (expression.text, expression.kind, expression.phrase)
        np.testing.assert_array_equal(sample.intrinsics, rendering.intrinsics)
        np.testing.assert_array_equal(sample.camera_pose, rendering.camera_pose)
        truth = np.any([rendering.mask(i) for i in expression.targets], axis=0) if expression.targets else 0
        np.testing.assert_array_equal(sample.read_truth(), np.broadcast_to(truth, rendering.instances.shape))
        assert [sample.classes[i] for i in sample.targets] == [
            scene.scene.objects[i].category for i in expression.targets]
    first = folder.samples[0]
    np.testing.assert_array_equal(first.read_image(), scenes[0].rendering.image)
    np.testing.assert_allclose(first.read_depth(), scenes[0].rendering.depth, atol=0.00051)


def test_the_folder_records_its_origin(written):
    directory, counts = written
    about = json.loads((directory / "dataset.json").read_text())
    assert about["format"] == 1
    assert about["split"] == "test"
    assert about["seeds"] == [200_005, 200_007]
    assert about["expressions"] == counts["expressions"]


def test_depth_is_in_16_bit_millimetres(written):
    directory, _ = written
    with Image.open(directory / "depth" / "000000.png") as image:
        depth = np.array(image)
    assert depth.dtype == np.uint16
    assert 300 < np.median(depth) < 3000


def test_a_directory_that_is_not_empty_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="not empty"):
        write_dataset(tmp_path, scenes=1)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_place_of_the_directory_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        write_dataset(tmp_path / "file", scenes=1)


@pytest.mark.parametrize("wrong", [{"split": "tests"}, {"scenes": 0}, {"start": -1}, {"start": 99_999, "scenes": 2}])
def test_scenes_that_do_not_exist_are_refused(tmp_path, wrong):
    with pytest.raises(InputError, match="split"):
        write_dataset(tmp_path / "set", **wrong)
    assert not (tmp_path / "set").exists()
