"""A calibration from unlabelled images: a weak encoder no longer calls most of what is there absent."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ris_ros import Config, Proposals, ReferringSegmenter
from ris_ros.config import EncoderConfig, ProposalsConfig
from ris_ros.encoding import load_encoder
from ris_ros.errors import InputError
from ris_ros.evaluation.frame_calibration import calibrate_from_frames
from ris_ros.evaluation.sim import evaluate
from ris_ros.evaluation.weakening import weaken
from ris_ros.grounding import PromptBank
from ris_ros.language import ExpressionParser
from ris_ros.sim.samples import samples

KINDS = ("category", "attribute", "absent category", "absent colour", "absent both")


class KnownMasks:
    """Proposes the objects of known scenes and some rectangles, as a segmentation model proposes background."""

    config = ProposalsConfig()

    def __init__(self, scenes):
        self._instances = {scene.rendering.image.tobytes(): scene.rendering.instances for scene in scenes}

    def __call__(self, image: np.ndarray) -> Proposals:
        instances = self._instances[image.tobytes()]
        masks = [instances == i for i in np.unique(instances[instances > 0])]
        rng = np.random.default_rng(int(image[0, 0, 0]))
        for _ in range(12):
            y, x = rng.integers(0, 400), rng.integers(0, 560)
            masks.append(np.zeros(instances.shape, bool))
            masks[-1][y:y + 80, x:x + 80] = True
        return Proposals.from_masks(np.stack(masks))


@pytest.fixture(scope="module")
def scenes():
    return list(samples("validation", 10, start=500, per_kind=0))


@pytest.fixture(scope="module")
def weak_segmenter(scenes):
    encoder = weaken(load_encoder(EncoderConfig(), "cpu"), "weights", 0.6)
    return ReferringSegmenter(Config(), KnownMasks(scenes), encoder, ExpressionParser())


def test_a_weak_encoder_calls_less_absent_after_a_calibration_without_labels(scenes, weak_segmenter):
    def measure():
        report = evaluate(weak_segmenter, split="validation", scenes=6, start=600, kinds=KINDS, proposals=False)
        return report.confidence_metrics()

    before = measure()
    weak_segmenter.bank = calibrate_from_frames(weak_segmenter, [scene.rendering.image for scene in scenes])
    after = measure()
    assert weak_segmenter.bank.calibrated_by == "frames"
    assert before["false absences"] > 0.3
    assert after["false absences"] < 0.15
    assert after["rejected"] > 0.5
    assert after["calibration error"] < before["calibration error"]


def test_a_calibration_is_written_read_and_refused_for_another_model(scenes, weak_segmenter, tmp_path):
    images = [scene.rendering.image for scene in scenes[:6]]
    bank = calibrate_from_frames(weak_segmenter, images, max_false_absence=0.02)
    file = tmp_path / "calibration.json"
    file.write_text(json.dumps(bank.to_dict()))
    read = PromptBank.load(str(file), None)
    assert read.min_confidence == bank.min_confidence
    assert read.calibrated_by == "frames"
    config = Config().replace({"matching.calibration": str(file)})
    encoder = load_encoder(EncoderConfig(), "cpu")
    # The text tower, and so the fingerprint, is the same: noise was added to the vision tower alone.
    assert ReferringSegmenter(config, KnownMasks(scenes), encoder, ExpressionParser()).bank.statistics is not None
    other = load_encoder(EncoderConfig(model="ViT-B-32/random"), "cpu")
    with pytest.raises(InputError, match="another model"):
        ReferringSegmenter(config, KnownMasks(scenes), other, ExpressionParser())


def test_too_few_images_are_refused(scenes, weak_segmenter):
    with pytest.raises(InputError, match="at least 3 images"):
        calibrate_from_frames(weak_segmenter, [scenes[0].rendering.image])
