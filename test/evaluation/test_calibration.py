"""A calibration of the bundled model on simulated scenes, with masks that need no network."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ris_ros import Config, Proposals, ReferringSegmenter
from ris_ros.config import EncoderConfig, LanguageConfig, ProposalsConfig
from ris_ros.encoding import load_encoder
from ris_ros.errors import InputError
from ris_ros.evaluation.calibration import calibrate
from ris_ros.evaluation.datasets.folder import read_folder
from ris_ros.grounding import PromptBank
from ris_ros.language import ExpressionParser
from ris_ros.sim.writer import write_dataset

pytestmark = pytest.mark.slow


class FakeProposer:
    """Proposes every object of known scenes, slightly too small, and its upper half."""

    config = ProposalsConfig()

    def __init__(self, samples):
        self.ids = {sample.read_image().tobytes(): sample.read_masks() for sample in samples}

    def __call__(self, image: np.ndarray) -> Proposals:
        ids = self.ids[image.tobytes()]
        masks = []
        for i in np.unique(ids[ids > 0]):
            whole = cv2.erode((ids == i).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
            rows = np.flatnonzero(whole.any(axis=1))
            if len(rows) > 8:
                upper = whole.copy()
                upper[(rows[0] + rows[-1]) // 2:] = False
                masks += [whole, upper]
        return Proposals.from_masks(np.stack(masks))


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes") / "set"
    write_dataset(folder, split="validation", scenes=3, start=700, per_kind=4)
    return read_folder(folder).samples


@pytest.fixture(scope="module")
def segmenter(samples) -> ReferringSegmenter:
    return ReferringSegmenter(Config(), FakeProposer(samples), load_encoder(EncoderConfig(), "cpu"),
                              ExpressionParser(LanguageConfig()))


def test_a_calibration_separates_present_from_absent_targets(samples, segmenter):
    fitted = PromptBank.from_dict(calibrate(segmenter, samples, segmenter.bank).to_dict())
    assert fitted.calibrated_by == "labels"
    assert fitted.fingerprint == segmenter.encoder.fingerprint
    assert fitted.threshold(0.0) <= fitted.threshold(0.1) <= fitted.threshold(0.5)
    assert fitted.nouns == segmenter.bank.nouns
    assert fitted.name_temperature > 0
    assert fitted.colour_temperature > 0
    assert 0 <= fitted.min_confidence <= 0.5
    # Of a calibration that is replaced, nothing but the phrases counts.
    again = calibrate(segmenter, samples, replace(segmenter.bank, typical_logit=99.0, name_temperature=5.0))
    assert again == fitted
    assert 5 < fitted.typical_logit < segmenter.encoder.logit_scale
    segmenter.bank = fitted
    looks = [sample for sample in samples if sample.kind in ("attribute", "category", "absent both", "absent colour")]
    right = []
    for sample in looks:
        segmenter.set_image(sample.read_image())
        right.append(segmenter.query(sample.text).found == bool(sample.targets))
    assert np.mean(right) > 0.85


def test_samples_without_absent_targets_are_refused(samples, segmenter):
    with pytest.raises(InputError, match="absent objects"):
        calibrate(segmenter, [sample for sample in samples[:40] if sample.targets], segmenter.bank)
