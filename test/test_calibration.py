"""Calibrations without labels: from images of the user's, or from the stock images of the package."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from ris_ros import Config, Proposals, ReferringSegmenter
from ris_ros.calibration import calibrate_from_images, calibrate_unless_done, load_bank, stock_frames
from ris_ros.config import EncoderConfig, MatchingConfig, ProposalsConfig
from ris_ros.encoding import MaskGuidedEncoder, load_encoder
from ris_ros.errors import InputError
from ris_ros.evaluation.sim import evaluate
from ris_ros.evaluation.weakening import weaken
from ris_ros.grounding import PromptBank
from ris_ros.language import ExpressionParser
from ris_ros.sim.samples import samples

pytestmark = pytest.mark.slow

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


class BrokenEncoder(MaskGuidedEncoder):
    """Gives the same value for every mask."""

    def __init__(self, encoder, value):
        super().__init__(encoder.model, encoder.tokenizer)
        self._value = value

    def encode_local(self, image, masks, method):
        return torch.full((len(masks), 128), self._value)

    encode_global = encode_local


@pytest.fixture(scope="module")
def scenes():
    return list(samples("validation", 10, start=500, per_kind=0))


@pytest.fixture(scope="module")
def weak_encoder():
    return weaken(load_encoder(EncoderConfig(), "cpu"), "weights", 0.6)


@pytest.fixture
def weak_segmenter(scenes, weak_encoder):
    return ReferringSegmenter(Config(), KnownMasks(scenes), weak_encoder, ExpressionParser())


def calibrate(segmenter, scenes, **options):
    return calibrate_from_images([scene.rendering.image for scene in scenes], segmenter.proposer, segmenter.encoder,
                                 segmenter.bank, segmenter.visual_weight, **options)


def measure(segmenter):
    report = evaluate(segmenter, split="validation", scenes=6, start=600, kinds=KINDS, proposals=False)
    return report.confidence_metrics()


@pytest.fixture(scope="module")
def uncalibrated(scenes, weak_encoder):
    return measure(ReferringSegmenter(Config(), KnownMasks(scenes), weak_encoder, ExpressionParser()))


def check_is_better(found, uncalibrated):
    assert uncalibrated["false absences"] > 0.3
    assert found["false absences"] < 0.1
    assert found["rejected"] > 0.35
    assert found["calibration error"] < uncalibrated["calibration error"]


def test_a_weak_encoder_calls_less_absent_after_a_calibration_without_labels(scenes, weak_segmenter, uncalibrated):
    weak_segmenter.bank = calibrate(weak_segmenter, scenes)
    assert weak_segmenter.calibrated_by == "frames"
    check_is_better(measure(weak_segmenter), uncalibrated)


def test_without_any_calibration_stock_images_take_its_place(weak_segmenter, uncalibrated, tmp_path, monkeypatch):
    monkeypatch.setenv("RIS_CACHE", str(tmp_path))
    encoder = weak_segmenter.encoder
    plain = weak_segmenter.bank
    weak_segmenter.bank = calibrate_unless_done(plain, encoder, weak_segmenter.visual_weight)
    assert weak_segmenter.calibrated_by == "stock images"
    check_is_better(measure(weak_segmenter), uncalibrated)
    # It is kept on disk, for this encoder alone; a damaged file is replaced.
    [file] = (tmp_path / "calibrations").iterdir()
    kept = file.read_text()
    for content in (kept, "{", "[]"):
        file.write_text(content)
        again = calibrate_unless_done(plain, encoder, weak_segmenter.visual_weight)
        assert again.to_dict() == weak_segmenter.bank.to_dict()
        assert file.read_text() == kept
    other = weaken(load_encoder(EncoderConfig(), "cpu"), "weights", 0.6, seed=1)
    assert other.fingerprint != encoder.fingerprint
    calibrate_unless_done(plain, other, weak_segmenter.visual_weight)
    assert len(list((tmp_path / "calibrations").iterdir())) == 2


def test_answers_say_whether_they_are_calibrated(scenes, weak_segmenter):
    scene = scenes[0]
    weak_segmenter.bank = calibrate(weak_segmenter, scenes)
    weak_segmenter.set_image(scene.rendering.image)
    assert weak_segmenter.query("the cup").calibrated
    assert weak_segmenter.notes == []
    weak_segmenter.bank = PromptBank.load("", None)
    assert "not calibrated" in " ".join(weak_segmenter.notes)
    weak_segmenter.update(Config().replace({"matching.min_confidence": 0.0}))
    names = ("cup", "mug", "bowl", "plate", "bottle", "spoon", "book", "zebra")
    answers = [weak_segmenter.query(f"the {name}") for name in names]
    assert not any(answer.calibrated for answer in answers)
    for answer in answers:
        is_unsure = "may not be here" in answer.note or "is a guess" in answer.note
        assert is_unsure == (answer.confidence < 0.5), answer.note
    assert any("may not be here" in answer.note for answer in answers)


def test_a_robot_builder_sets_how_much_may_be_missed(scenes, weak_segmenter):
    weak_segmenter.bank = calibrate(weak_segmenter, scenes)
    missed = []
    for share in (0.0, 0.05, 0.5):
        weak_segmenter.update(Config().replace({"matching.max_false_absence": share}))
        missed.append(measure(weak_segmenter)["false absences"])
    assert missed[0] <= missed[1] < missed[2]


def test_a_calibration_is_written_read_and_not_used_for_other_weights(scenes, weak_segmenter, tmp_path, caplog):
    bank = calibrate(weak_segmenter, scenes[:6], max_false_absence=0.02)
    file = tmp_path / "calibration.json"
    file.write_text(json.dumps(bank.to_dict()))
    config = Config().replace({"matching.calibration": str(file)})
    read = ReferringSegmenter(config, KnownMasks(scenes), weak_segmenter.encoder, ExpressionParser())
    assert (read.bank.min_confidence, read.calibrated_by, read.notes) == (bank.min_confidence, "frames", [])
    other = ReferringSegmenter(config, KnownMasks(scenes), load_encoder(EncoderConfig(), "cpu"), ExpressionParser())
    assert other.calibrated_by == "nothing"
    assert "of other weights" in caplog.text
    assert "of other weights" in other.notes[0]


def test_a_calibration_belongs_to_its_fusion(scenes, weak_segmenter):
    weak_segmenter.bank = calibrate(weak_segmenter, scenes)
    weak_segmenter.update(Config().replace({"matching.visual_weight": 0.9}))
    assert "matching.visual_weight" in weak_segmenter.notes[0]


def test_too_few_images_are_refused(scenes, weak_segmenter):
    with pytest.raises(InputError, match="at least 3 images"):
        calibrate(weak_segmenter, scenes[:1])
    with pytest.raises(InputError, match="at least 3 images"):
        calibrate(weak_segmenter, [])


@pytest.mark.parametrize(("value", "problem"), [(0.5, "all alike"), (float("nan"), "not finite")])
def test_an_encoder_with_useless_features_goes_on_uncalibrated(scenes, value, problem, caplog, tmp_path, monkeypatch):
    monkeypatch.setenv("RIS_CACHE", str(tmp_path))
    encoder = BrokenEncoder(load_encoder(EncoderConfig(), "cpu"), value)
    bank = calibrate_unless_done(load_bank(MatchingConfig(), encoder), encoder, 0.5)
    assert bank.calibrated_by == "nothing"
    assert problem in caplog.text
    segmenter = ReferringSegmenter(Config(), KnownMasks(scenes), encoder, ExpressionParser(), bank)
    segmenter.set_image(scenes[0].rendering.image)
    if np.isnan(value):
        with pytest.raises(InputError, match="not finite"):
            segmenter.query("the cup")
    else:
        assert not segmenter.query("the cup").calibrated


def test_the_stock_images_have_masks():
    frames = list(stock_frames())
    assert len(frames) > 10
    for image, masks in frames:
        assert masks.shape[1:] == image.shape[:2]
        assert masks.any(axis=(1, 2)).all()
