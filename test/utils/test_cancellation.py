"""Cooperative cancellation."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from ris_ros.config import ProposalsConfig
from ris_ros.proposals import make_proposer
from ris_ros.proposals.prompting import PromptedProposer
from ris_ros.utils.cancellation import Cancelled, cancellable, check_cancelled
from ris_ros.utils.device import AdaptiveBatcher


class CountingDecoder:
    """A decoder that counts the prompts that it decodes."""

    def __init__(self, decoder):
        self._decoder = decoder
        self.decoded = 0

    def __getattr__(self, name):
        return getattr(self._decoder, name)

    def decode(self, image, points, *rest):
        self.decoded += len(points)
        return self._decoder.decode(image, points, *rest)


def test_work_stops_between_two_calls_to_the_network():
    network = make_proposer(ProposalsConfig(), "cpu").network
    decoder = CountingDecoder(network.decoder)
    small_batches = SimpleNamespace(embed=network.embed, decoder=decoder, batch_size=2, notes=[])
    proposer = PromptedProposer(small_batches, ProposalsConfig(max_prompts=20))
    image = np.zeros((48, 64, 3), np.uint8)
    with pytest.raises(Cancelled), cancellable(lambda: decoder.decoded >= 4):
        proposer(image)
    assert decoder.decoded == 4
    proposer(image)
    assert decoder.decoded > 12


def test_work_stops_between_two_batches():
    done = []
    with pytest.raises(Cancelled), cancellable(lambda: len(done) == 2):
        AdaptiveBatcher(3, "numbers").map(done.append, range(100))
    assert done == [range(3), range(3, 6)]


def test_nothing_stops_unless_cancelled():
    check_cancelled()
    with cancellable(lambda: False):
        check_cancelled()
