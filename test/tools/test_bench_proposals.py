"""The recall of proposals: boxed pictures, and the search by a stand-in that knows the boxes."""

import json

import cv2
import numpy as np
import pytest

from ris_ros.config import Config, ProposalsConfig
from ris_ros.errors import InputError
from ris_ros.language import ExpressionParser
from ris_ros.proposals import make_proposer
from ris_ros.tools.bench.box_encoder import NAMES, BoxEncoder, count_after_search
from ris_ros.tools.bench.boxes import BOXES, BoxedPicture, read_folder
from ris_ros.tools.bench.proposals import bench_recall, count_found


@pytest.fixture
def folder(tmp_path):
    """A folder with a picture of a red disc and a small blue one, and their boxes."""
    image = np.full((240, 320, 3), 180, np.uint8)
    cv2.circle(image, (90, 120), 50, (40, 40, 220), -1)
    cv2.circle(image, (250, 60), 9, (220, 60, 30), -1)
    cv2.imwrite(str(tmp_path / "discs.png"), image)
    boxes = {"large": (40, 70, 141, 171), "small": (241, 51, 260, 70)}
    (tmp_path / "boxes.json").write_text(json.dumps({
        "about": "two discs", "discs.png": {name: [1000 / 320 * side for side in box] for name, box in boxes.items()}}))
    return tmp_path


def test_boxes_are_scaled_to_the_picture(folder):
    picture, = read_folder(folder)
    assert (picture.name, picture.image.shape) == ("discs", (240, 320, 3))
    np.testing.assert_allclose(picture.boxes["large"], [40, 70, 141, 171])


@pytest.mark.parametrize(("content", "message"), [
    (None, "cannot read boxes"), ("[1]", "must map the names"), ('{"discs.png": {"large": [1, 2]}}', "must be"),
    ('{"absent.png": {}}', "cannot read the image")])
def test_bad_boxes_are_refused(folder, content, message):
    (folder / "boxes.json").unlink() if content is None else (folder / "boxes.json").write_text(content)
    with pytest.raises(InputError, match=message):
        read_folder(folder)


def test_our_boxes_lie_in_their_pictures():
    content = json.loads(BOXES.read_text())
    boxes = [np.array(box) for group, files in content.items() if group != "about"
             for things in files.values() for box in things.values()]
    assert len(boxes) > 150
    for box in boxes:
        assert (box[:2] >= 0).all() and (box[2:] > box[:2]).all() and box[2] <= 1000


def test_a_box_counts_as_found_from_the_minimum_iou_on():
    wanted = {"a": np.array([0, 0, 10, 10.0]), "b": np.array([50, 50, 60, 60.0])}
    assert count_found(wanted, np.array([[0, 0, 10, 8.0], [50, 50, 60, 55]])) == 1
    assert count_found(wanted, np.zeros((0, 4))) == 0


def test_recall_prompts_and_times_are_reported_for_pictures_and_groups(folder):
    rows = bench_recall(read_folder(folder), Config.from_dict({"proposals.max_prompts": 24}), "cpu")
    picture, group = rows
    assert picture["what"] == "discs" and picture["things"] == picture["found"] == picture["fixed: found"] == 2
    assert 0 < picture["prompts"] <= 24 and picture["masks"] >= 2
    assert picture["time ratio"] == pytest.approx(picture["seconds"] / picture["fixed: seconds"])
    assert group["found"] == group["found after search"] == 1.0


def test_the_stand_in_knows_what_is_in_which_box():
    encoder = BoxEncoder(np.array([[0, 0, 20, 20], [60, 60, 100, 100.0]]))
    image, masks = np.zeros((100, 100, 3), np.uint8), np.zeros((3, 100, 100), bool)
    masks[0, :20, :18], masks[1, 60:, 60:], masks[2, 30:50, 30:50] = True, True, True
    features = encoder.encode_local(image, masks, "full")
    texts = encoder.encode_text([f"the {NAMES[0]}", f"a {NAMES[1]}", "the table"])
    assert (features @ texts.T).argmax(1).tolist() == [0, 1, 2]
    patches = encoder.encode_patches(image, "full") @ texts.T
    assert patches[0, 0].argmax() == 0 and patches[-1, -1].argmax() == 1 and patches[0, -1].argmax() == 2


def test_a_search_finds_a_small_thing_that_is_not_proposed(folder):
    picture, = read_folder(folder)
    # One prompt for the whole image misses the small disc.
    config = Config.from_dict({"proposals.max_prompts": 1})
    proposer, parser = make_proposer(config.proposals, "cpu"), ExpressionParser(config.language)
    assert count_found(picture.boxes, proposer(picture.image).boxes) < 2
    assert count_after_search(picture, proposer, parser, config) == 2
    proposer.config = ProposalsConfig(max_prompts=1, search_prompts=0)
    without = Config.from_dict({"proposals.max_prompts": 1, "proposals.search_prompts": 0})
    assert count_after_search(picture, proposer, parser, without) < 2


def test_a_search_for_what_is_not_there_is_bounded_and_finds_nothing(folder, monkeypatch):
    picture, = read_folder(folder)
    config = Config.from_dict({"proposals.max_prompts": 1, "proposals.search_prompts": 12})
    proposer, parser = make_proposer(config.proposals, "cpu"), ExpressionParser(config.language)
    prompts = []
    decode = proposer.network.decoder.decode
    monkeypatch.setattr(proposer.network.decoder, "decode", lambda image, points, *rest: (
        prompts.append(len(points)), decode(image, points, *rest))[1])
    # A box in the plain part of the picture, of which no mask is right.
    empty = BoxedPicture("", "", picture.image, {"nothing": np.array([180, 150, 300, 160.0])})
    assert count_after_search(empty, proposer, parser, config) == 0
    assert 2 <= sum(prompts) <= 1 + 12 + 4
