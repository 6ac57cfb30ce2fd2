"""The default proposer with real weights, for all tests of proposals."""

import pytest

from ris_ros.config import ProposalsConfig
from ris_ros.proposals import make_proposer
from ris_ros.utils import weights


@pytest.fixture(scope="session")
def proposer():
    weights.fetch("mobilesam")
    return make_proposer(ProposalsConfig(), "cpu")
