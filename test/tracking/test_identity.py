from __future__ import annotations

import numpy as np
import torch

from ris_ros.tracking.identity import Identity


def looks(*weights, common=4.0):
    """Features with much in common, as those of vision-language models have, and some of each of four traits."""
    features = torch.zeros(len(weights), 5)
    features[:, 0] = common
    features[:, 1:] = torch.tensor(weights, dtype=torch.float32)
    return features


START = looks((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))


def test_the_same_is_like_and_the_others_are_not_although_all_have_much_in_common():
    identity = Identity(START)
    raw = torch.nn.functional.normalize(START, dim=1)
    assert (raw @ raw.T).min() > 0.9
    np.testing.assert_allclose(identity.likeness(START)[0], 1, atol=1e-6)
    assert identity.likeness(START)[1:].max() < 0.1
    np.testing.assert_allclose(identity.rivalry(START)[1:], 1, atol=1e-6)
    assert identity.rivalry(START)[0] < 0.1 and identity.twin < 0.1


def test_a_double_is_known_to_be_one():
    assert Identity(looks((1, 0, 0, 0), (0.98, 0.1, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0))).twin > 0.9


def test_a_look_that_changes_slowly_is_learnt_and_the_first_is_not_forgotten():
    identity = Identity(START)
    later = looks((0.5, 0, 0, 0.9))
    before = identity.likeness(later)[0]
    for share in np.linspace(0, 1, 30):
        identity.adapt(looks((1 - 0.5 * share, 0, 0, 0.9 * share))[0], least=0.3)
    assert identity.likeness(later)[0] > max(0.9, before + 0.2)
    assert identity.likeness(START)[0] > 0.99


def test_it_does_not_learn_to_be_something_else_step_by_step():
    identity = Identity(START)
    for share in np.linspace(0, 1, 100):
        identity.adapt(looks((1 - share, share, 0, 0))[0], least=0.6)
    likeness, rivalry = identity.likeness(START[1:2]), identity.rivalry(START[1:2])
    assert likeness < rivalry


def test_with_nothing_beside_it_features_are_compared_as_they_are():
    identity = Identity(START[:1])
    assert identity.twin == -1 and (identity.rivalry(START) == -1).all()
    np.testing.assert_allclose(identity.likeness(START[:1]), 1, atol=1e-6)
