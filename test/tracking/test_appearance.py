from __future__ import annotations

import numpy as np
import torch

from ris_ros.tracking.appearance import AppearanceModel


def features(*traits, common=4.0):
    """Return features with a large common component, as of vision-language models, and four distinguishing ones."""
    features = torch.zeros(len(traits), 5)
    features[:, 0] = common
    features[:, 1:] = torch.tensor(traits, dtype=torch.float32)
    return features


START = features((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))


def test_the_common_component_of_features_does_not_count_as_similarity():
    appearance = AppearanceModel(START)
    raw = torch.nn.functional.normalize(START, dim=1)
    assert (raw @ raw.T).min() > 0.9
    np.testing.assert_allclose(appearance.similarity(START)[0], 1, atol=1e-6)
    assert appearance.similarity(START)[1:].max() < 0.1
    np.testing.assert_allclose(appearance.distractor_similarity(START)[1:], 1, atol=1e-6)
    assert appearance.distractor_similarity(START)[0] < 0.1 and appearance.hardest_negative < 0.1


def test_a_distractor_that_looks_like_the_target_is_a_hard_negative():
    start = features((1, 0, 0, 0), (0.98, 0.1, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0))
    assert AppearanceModel(start).hardest_negative > 0.9


def test_updates_follow_a_slow_change_and_keep_the_initial_appearance():
    appearance = AppearanceModel(START)
    later = features((0.5, 0, 0, 0.9))
    before = appearance.similarity(later)[0]
    for share in np.linspace(0, 1, 30):
        appearance.update(features((1 - 0.5 * share, 0, 0, 0.9 * share))[0], min_similarity=0.3)
    assert appearance.similarity(later)[0] > max(0.9, before + 0.2)
    assert appearance.similarity(START)[0] > 0.99


def test_updates_do_not_drift_to_another_object():
    appearance = AppearanceModel(START)
    for share in np.linspace(0, 1, 100):
        appearance.update(features((1 - share, share, 0, 0))[0], min_similarity=0.6)
    assert appearance.similarity(START[1:2]) < appearance.distractor_similarity(START[1:2])


def test_without_distractors_no_mean_is_subtracted():
    appearance = AppearanceModel(START[:1])
    assert appearance.hardest_negative == -1 and (appearance.distractor_similarity(START) == -1).all()
    np.testing.assert_allclose(appearance.similarity(START[:1]), 1, atol=1e-6)
