"""Access to the package `training`, which is not installed, and the fixtures of its tests."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
import torch
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD

from ris_ros.sim.render import Renderer
from ris_ros.sim.samples import HELD_OUT_PAIRS, TRAIN_SEEDS
from ris_ros.sim.tabletop import sample_scene

ROOT = str(Path(__file__).parents[2])

# Pytest's --import-mode=importlib puts no folder on the path. The root is on it only while the package is imported,
# because it also holds a folder `launch`, which would be taken for ROS's package of that name.
sys.path.insert(0, ROOT)
importlib.import_module("training")
sys.path.remove(ROOT)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """The folder of rendered views."""
    return tmp_path_factory.mktemp("views")


@pytest.fixture(scope="session")
def views(folder):
    """Views of ten training scenes."""
    from training.dataset import load_or_render
    from training.model import GRID, IMAGE_SIZE

    return load_or_render(folder, TRAIN_SEEDS[:10], IMAGE_SIZE, GRID, exclude_pairs=HELD_OUT_PAIRS)


@pytest.fixture(scope="session")
def example():
    """The first of these scenes and its rendering."""
    scene = sample_scene(TRAIN_SEEDS[0], exclude_pairs=HELD_OUT_PAIRS)
    with Renderer() as renderer:
        return scene, renderer.render(scene)


@pytest.fixture(scope="session")
def trainer(views):
    """A trainer after one step."""
    from training.trainer import Trainer

    trainer = Trainer(views, steps=4, learning_rate=1e-3, seed=1, device="cpu")
    trainer.advance()
    return trainer


@pytest.fixture(scope="session")
def standardise():
    """A function that normalises pixels, float [N, 3, H, W], 0..1, as CLIP does."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (OPENAI_DATASET_MEAN, OPENAI_DATASET_STD))
    return lambda pixels: (pixels - mean) / std
