"""Global-local fusion and the match between masks and text (paper, sections 3.1 to 3.3)."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def fuse(first: Tensor | None, second: Tensor | None, weight: float) -> Tensor:
    """Return the weighted sum of two features, unnormalised.

    For masks these are the global and the local context (paper, section 3.2), for texts the sentence and the target
    noun phrase (section 3.3).

    Parameters
    ----------
    first, second : float [N, D] each; one whose share is 0 may be None
    weight : share of the first, 0..1

    """
    if weight in (0, 1):
        only = first if weight else second
        assert only is not None
        return only
    assert first is not None and second is not None
    return weight * first + (1 - weight) * second


def similarity(visual: Tensor, text: Tensor) -> Tensor:
    """Return the cosine, float [N], between features of N masks [N, D] and of one text [D]."""
    return F.cosine_similarity(visual, text[None])
