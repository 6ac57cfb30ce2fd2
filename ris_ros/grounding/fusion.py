"""Global-local fusion and the match between masks and text (paper, sections 3.1 to 3.3)."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def fuse(first: Tensor | None, second: Tensor | None, weight: float) -> Tensor:
    """The weighted sum of two features, `weight` being the share of the first; one without a share may be None.

    For masks: global and local context (paper, section 3.2). For text: sentence and target noun phrase (section 3.3).
    """
    if weight in (0, 1):
        return first if weight else second
    return weight * first + (1 - weight) * second


def similarity(visual: Tensor, text: Tensor) -> Tensor:
    """Cosine, float [N], between features of N masks [N, D] and of one text [D]."""
    return F.cosine_similarity(visual, text[None])
