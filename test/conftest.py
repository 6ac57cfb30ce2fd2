"""Fixtures of all tests."""

from __future__ import annotations

import gc
import logging
import os
from collections import Counter
from contextlib import ExitStack
from itertools import chain

import pytest

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
"""Number of this process among those that share the tests."""

if "PYTEST_XDIST_WORKER" in os.environ:
    # Each process has one core: more threads would only wait for each other. Torch is not imported yet.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


SLOW_FOLDERS = {"cli", "examples", "faults", "recordings", "tools", "training"}
"""Folders whose tests run whole programs, or feed them with hundreds of generated inputs."""

SLOW_FIXTURES = {"built_docs", "install", "outcomes", "proposer", "renderer", "start_node"}
"""Fixtures that take seconds: they load MobileSAM, start a process with a node, render, build by colcon or build the
documentation, or run its commands."""

SLOW_SECONDS = 5.0
"""A test that takes longer and is not marked as slow is listed at the end of a run."""


@pytest.hookimpl(tryfirst=True)  # before pytest's own hook, which selects by marks
def pytest_collection_modifyitems(config, items):
    """Mark tests as slow by their folder and their fixtures; `scripts/test --quick` leaves out what is slow."""
    for item in items:
        folder, *_ = item.path.relative_to(config.rootpath / "test").parts
        if folder in SLOW_FOLDERS or not SLOW_FIXTURES.isdisjoint(item.fixturenames):
            item.add_marker("slow")


def pytest_collection_finish():
    """Exempt what is imported by now from garbage collection: a node that is deactivated collects all there is."""
    gc.freeze()


def pytest_terminal_summary(terminalreporter):
    """List the tests that take long and are not marked as slow."""
    seconds = Counter()
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport) and "slow" not in report.keywords:
            seconds[report.nodeid] += report.duration
    unmarked = [f"{time:.0f} s  {test}" for test, time in seconds.most_common() if time > SLOW_SECONDS]
    if unmarked:
        terminalreporter.section("slow, but not marked: mark the test as slow, or name its fixture in test/conftest.py")
        terminalreporter.write_line("\n".join(unmarked))


@pytest.fixture(autouse=True)
def _restored_logging():
    """Restore the logging configuration, which commands change when they run in the tests' process."""
    ours = logging.getLogger("ris_ros")
    # pytest adds its own handlers, for each phase of a test, to a logger that does not propagate.
    handlers = [handler for handler in ours.handlers if not type(handler).__module__.startswith("_pytest")]
    propagate, level = ours.propagate, ours.level
    yield
    ours.handlers, ours.propagate = handlers, propagate
    ours.setLevel(level)


@pytest.fixture(scope="session")
def _domain_claims():
    """Claims on ROS domains, which are not used again in this run: what a module leaves behind meets no other one."""
    with ExitStack() as claims:
        yield claims


@pytest.fixture(scope="module")
def private_ros_domain(_domain_claims):
    """A ROS domain for a test module, limited to this machine, so that no other ROS system can interfere."""
    from ris_ros.tools.node_client import THIS_MACHINE_ONLY, claim_ros_domain

    domain, claim = claim_ros_domain()
    _domain_claims.enter_context(claim)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_DOMAIN_ID", str(domain))
        for name, value in THIS_MACHINE_ONLY.items():
            patch.setenv(name, value)
        yield


def save_sam2(folder, side):
    """Save a SAM 2 model of transformers: the real classes, a small image encoder, random weights, `side` pixels."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    backbone = transformers.Sam2HieraDetConfig(
        image_size=[side, side], hidden_size=16, embed_dim_per_stage=[16, 32, 64, 128],
        num_attention_heads_per_stage=[1, 1, 2, 4], blocks_per_stage=[1, 1, 2, 1], global_attention_blocks=[3])
    vision = transformers.Sam2VisionConfig(
        backbone_config=backbone, backbone_channel_list=[128, 64, 32, 16],
        backbone_feature_sizes=[[side // stride] * 2 for stride in (4, 8, 16)])
    configurations = transformers.models.sam2_video.configuration_sam2_video
    prompts = configurations.Sam2VideoPromptEncoderConfig(image_size=side)
    decoder = configurations.Sam2VideoMaskDecoderConfig(mlp_dim=128)
    torch.manual_seed(0)
    model = transformers.Sam2VideoModel(transformers.Sam2VideoConfig(
        vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=decoder, image_size=side,
        memory_attention_rope_feat_sizes=[side // 16] * 2, memory_attention_feed_forward_hidden_size=128,
        memory_fuser_intermediate_dim=128))
    # Initial weights are so small that all masks would be alike.
    for weights in model.parameters():
        if weights.dim() > 1:
            torch.nn.init.normal_(weights, std=1.5 * (weights[0].numel() if len(weights) > 4 else 1) ** -0.5)
    model.prompt_encoder.shared_embedding.load_state_dict(model.shared_image_embedding.state_dict())
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def sam2_folder(tmp_path_factory):
    """A folder with a SAM 2 model for images of 1024 pixels, as the published ones are."""
    return save_sam2(tmp_path_factory.mktemp("sam2"), 1024)


@pytest.fixture(scope="session")
def sam2_video_folder(tmp_path_factory):
    """A folder with a SAM 2 model for frames of 128 pixels, which is quick."""
    return save_sam2(tmp_path_factory.mktemp("sam2_video"), 128)
