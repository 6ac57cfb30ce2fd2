from __future__ import annotations

import numpy as np
import torch

from ris_ros.tracking.appearance import AppearanceModel


def features(*traits, common=4.0):
    """Return features with much in common, as those of vision-language models have, and some of each of four traits."""
    features = torch.zeros(len(traits), 5)
    features[:, 0] = common
    features[:, 1:] = torch.tensor(traits, dtype=torch.float32)
    return features


START = features((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))


def test_the_target_is_similar_and_distractors_are_not_although_all_have_much_in_common():
    appearance = AppearanceModel(START)
    raw = torch.nn.functional.normalize(START, dim=1)
    assert (raw @ raw.T).min() > 0.9
    np.testing.assert_allclose(appearance.similarity(START)[0], 1, atol=1e-6)
    assert appearance.similarity(START)[1:].max() < 0.1
    np.testing.assert_allclose(appearance.distractor_similarity(START)[1:], 1, atol=1e-6)
    assert appearance.distractor_similarity(START)[0] < 0.1 and appearance.hardest_negative < 0.1


def test_a_double_of_the_target_is_a_hard_negative():
    start = features((1, 0, 0, 0), (0.98, 0.1, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0))
    assert AppearanceModel(start).hardest_negative > 0.9


def test_an_appearance_that_changes_slowly_is_learnt_and_the_initial_one_is_kept():
    appearance = AppearanceModel(START)
    later = features((0.5, 0, 0, 0.9))
    before = appearance.similarity(later)[0]
    for share in np.linspace(0, 1, 30):
        appearance.update(features((1 - 0.5 * share, 0, 0, 0.9 * share))[0], min_similarity=0.3)
    assert appearance.similarity(later)[0] > max(0.9, before + 0.2)
    assert appearance.similarity(START)[0] > 0.99


def test_it_does_not_become_another_object_step_by_step():
    appearance = AppearanceModel(START)
    for share in np.linspace(0, 1, 100):
        appearance.update(features((1 - share, share, 0, 0))[0], min_similarity=0.6)
    assert appearance.similarity(START[1:2]) < appearance.distractor_similarity(START[1:2])


def test_without_distractors_features_are_compared_as_they_are():
    appearance = AppearanceModel(START[:1])
    assert appearance.hardest_negative == -1 and (appearance.distractor_similarity(START) == -1).all()
    np.testing.assert_allclose(appearance.similarity(START[:1]), 1, atol=1e-6)
