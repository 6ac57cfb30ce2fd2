import pytest
import torch

from ris_ros.grounding import fuse, similarity


def test_fusion_is_the_weighted_sum_of_unnormalised_features():
    first, second = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 4.0]])
    assert fuse(first, second, 0.75).tolist() == [[1.5, 1.0]]


def test_similarity_is_the_cosine_whatever_the_length():
    visual = torch.tensor([[3.0, 4.0], [-30.0, -40.0], [-4.0, 3.0]])
    assert similarity(visual, torch.tensor([0.6, 0.8])).tolist() == pytest.approx([1, -1, 0], abs=1e-6)
    assert similarity(visual[:0], torch.tensor([0.6, 0.8])).shape == (0,)


def test_a_feature_without_a_share_is_not_needed():
    only = torch.tensor([[2.0, 1.0]])
    assert fuse(only, None, 1) is only
    assert fuse(None, only, 0) is only
