"""Proposals: class-agnostic masks of an image."""

from ris_ros.proposals.proposer import (
    PROPOSERS,
    ImageEmbedding,
    PromptableProposer,
    Proposer,
    as_promptable,
    make_proposer,
)

__all__ = ["PROPOSERS", "ImageEmbedding", "PromptableProposer", "Proposer", "as_promptable", "make_proposer"]
