"""What is asked for gains where the objects of an image look less familiar than those of the calibration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from ris_ros.grounding import AppearanceScorer, Layout, PromptBank
from ris_ros.grounding import thresholds as t
from ris_ros.grounding.feature_statistics import FeatureStatistics
from ris_ros.types import Description, Proposals

AXES = {"the cup": 0, "the plate": 1, "the table": 2, "the red cup": 3, "the blue cup": 4}
BANK = PromptBank(("cup", "plate"), ("red", "blue"), ("table",), name_temperature=2.0, calibrated_by="labels")
OBJECTS = [[0.5, 0.6, 0.0, 0.3, 0.1], [0.6, 0.2, 0.1, 0.1, 0.3], [0.1, 0.7, 0.0, 0.0, 0.0]]
SURFACE = [0.0, 0.0, 0.9, 0.0, 0.0]
CUP = Description("the cup", "cup", "cup", ())
RED_CUP = Description("the red cup", "cup", "red cup", ("red",))


def scorer(features, bank: PromptBank = BANK, *, with_layout: bool = True) -> AppearanceScorer:
    masks = np.zeros((len(features), 40, 200), bool)
    for i, mask in enumerate(masks):
        mask[10:30, 20 * i:20 * i + 15] = True
    layout = Layout.measure(Proposals.from_masks(masks)) if with_layout else None
    return AppearanceScorer(torch.tensor(features), lambda texts: torch.eye(5)[[AXES[text] for text in texts]], 20.0,
                            bank, layout)


def log_odds(probability: np.ndarray) -> np.ndarray:
    return np.log(probability / (1 - probability))


def test_the_level_of_an_image_is_that_of_its_objects_and_not_of_the_table():
    logits = 20 * F.normalize(torch.tensor(OBJECTS), dim=1).numpy()[:, :3]
    assert scorer(OBJECTS).best_logit == pytest.approx(logits.max(axis=1).mean(), abs=0.05)
    assert scorer([*OBJECTS, SURFACE, SURFACE]).best_logit == pytest.approx(scorer(OBJECTS).best_logit, abs=0.05)


@pytest.mark.parametrize("missing", [0.5, 2.0])
def test_a_name_gains_what_the_best_names_of_the_image_lack(missing):
    before = scorer(OBJECTS)
    after = scorer(OBJECTS, replace(BANK, typical_logit=before.best_logit + missing))
    count = 3 / (3 + t.FAMILIAR_OBJECTS)  # Three objects, almost certainly.
    gain = log_odds(after.probability(CUP)) - log_odds(before.probability(CUP))
    np.testing.assert_allclose(gain, missing * count / 2.0, rtol=0.03)
    # The colour is a factor of its own, and names are told apart as before.
    share = after.probability(RED_CUP) / after.probability(CUP)
    np.testing.assert_allclose(share, before.probability(RED_CUP) / before.probability(CUP))
    np.testing.assert_allclose(after.names(), before.names())


@pytest.mark.parametrize("bank", [
    replace(BANK, typical_logit=2.0),  # The image is more familiar than those of the calibration.
    replace(BANK, typical_logit=0.0),  # Nothing is known of them.
    BANK.without_statistics()])
def test_a_familiar_image_is_judged_as_before(bank):
    np.testing.assert_array_equal(scorer(OBJECTS, bank).probability(CUP), scorer(OBJECTS).probability(CUP))


def test_patches_and_standard_scores_are_no_logits_to_compare():
    strange = replace(BANK, typical_logit=40.0)
    alone = scorer(OBJECTS, strange, with_layout=False)
    np.testing.assert_array_equal(alone.probability(CUP), scorer(OBJECTS, with_layout=False).probability(CUP))
    statistics = FeatureStatistics(np.zeros(5, np.float32), np.zeros((0, 5), np.float32), 0.01)
    fitted = replace(BANK, statistics=statistics, calibrated_by="frames")
    np.testing.assert_array_equal(scorer(OBJECTS, replace(fitted, typical_logit=40.0)).probability(CUP),
                                  scorer(OBJECTS, fitted).probability(CUP))


def test_the_gain_is_bounded_and_needs_objects():
    strange = replace(BANK, typical_logit=1e6)
    gain = log_odds(scorer(OBJECTS, strange).probability(CUP)) - log_odds(scorer(OBJECTS).probability(CUP))
    np.testing.assert_allclose(gain, t.MAX_MISSING_LOGIT / 2.0, rtol=1e-6)
    # An empty table says nothing of how objects look.
    bank = replace(BANK, typical_logit=scorer([SURFACE]).best_logit + 2)
    np.testing.assert_allclose(scorer([SURFACE], bank).probability(CUP), scorer([SURFACE]).probability(CUP), rtol=0.05)


def test_no_masks_have_no_level():
    none = scorer(np.zeros((0, 5), np.float32), replace(BANK, typical_logit=20.0), with_layout=False)
    assert none.best_logit == 0
    assert none.probability(CUP).shape == (0,)
