"""The registry of proposers, entry points of other packages, and promptable proposers."""

import subprocess
import sys

import numpy as np
import pytest

from ris_ros.config import Config, ProposalsConfig
from ris_ros.errors import InputError
from ris_ros.proposals import PROPOSERS, as_promptable, make_proposer
from ris_ros.types import Proposals

PLUGIN = """
import numpy as np
from ris_ros.types import Proposals


class Everything:
    def __init__(self, config, device):
        self.config, self.device = config, device

    def __call__(self, image):
        return Proposals.from_masks(np.ones((1, *image.shape[:2]), bool))
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Another package, installed with a proposer `everything` of its own."""
    (tmp_path / "everything_plugin.py").write_text(PLUGIN)
    info = tmp_path / "everything_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: everything-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ris_ros.proposers]\neverything = everything_plugin:Everything\n")
    monkeypatch.syspath_prepend(tmp_path)


def test_a_proposer_of_another_package_is_chosen_by_name(plugin):
    config = Config.from_dict({"proposals.method": "everything", "proposals.max_prompts": 3})
    proposer = make_proposer(config.proposals, "cpu")
    assert (proposer.config, proposer.device) == (config.proposals, "cpu")
    assert proposer(np.zeros((4, 5, 3), np.uint8)).masks.shape == (1, 4, 5)


def test_an_unknown_proposer_is_refused_with_the_known_ones(plugin):
    with pytest.raises(InputError, match="one of mobilesam, sam, sam2, everything, not 'absent'"):
        Config.from_dict({"proposals.method": "absent"})
    with pytest.raises(InputError, match=r"no proposer 'absent'; known are mobilesam, sam, sam2, everything"):
        make_proposer(ProposalsConfig(method="absent"), "cpu")


def test_a_proposer_of_a_missing_package_is_refused():
    with pytest.raises(InputError, match="one of mobilesam, sam, sam2, not 'everything'"):
        Config.from_dict({"proposals.method": "everything"})


def test_only_the_chosen_proposer_is_imported():
    code = ("import sys; from ris_ros.proposals import PROPOSERS; "
            "print({'onnxruntime', 'segment_anything', 'transformers', 'ris_ros.proposals.sam'} & {*sys.modules})")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_proposer_of_the_registry_is_a_choice():
    setting_choices = ProposalsConfig.__dataclass_fields__["method"].metadata["choices"]
    assert tuple(PROPOSERS) == setting_choices


def test_sam_can_be_prompted_and_a_plain_proposer_cannot(proposer):
    class Plain:
        config = ProposalsConfig()

        def __call__(self, image):
            return Proposals.from_masks(np.zeros((0, *image.shape[:2]), bool))

    assert as_promptable(proposer) is proposer
    assert as_promptable(Plain()) is None
