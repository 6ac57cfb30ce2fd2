from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import ris_ros
from training.train import selection_accuracy
from training.trainer import Trainer


def test_training_lowers_the_loss_and_fits_the_scenes(views):
    trainer = Trainer(views, steps=100, learning_rate=4e-3, seed=0, device="cpu")
    losses = [trainer.advance() for _ in range(24)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 1.5
    untrained = Trainer(views, steps=1, learning_rate=1e-3, seed=0, device="cpu")
    weights = np.array([0.0, 0.5, 1.0])
    after, before = (selection_accuracy(t.trained().eval(), t.tokenizer, views, weights) for t in (trainer, untrained))
    assert after.max() > before.max() + 0.1


@pytest.fixture
def one_thread():
    """Use one thread, because several threads sum in varying order and round differently."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_a_resumed_run_repeats_an_uninterrupted_one(views, tmp_path, one_thread):
    uninterrupted = Trainer(views, steps=3, learning_rate=1e-3, seed=2, device="cpu")
    uninterrupted.advance()
    torch.save(uninterrupted.state(), tmp_path / "checkpoint.pt")
    resumed = Trainer(views, steps=3, learning_rate=1e-3, seed=2, device="cpu")
    resumed.load(torch.load(tmp_path / "checkpoint.pt", weights_only=True))
    assert resumed.advance() == uninterrupted.advance()
    for name, value in uninterrupted.trained().state_dict().items():
        assert torch.equal(resumed.trained().state_dict()[name], value), name


def test_training_starts_from_the_weights_of_a_bundle(views):
    weights = load_file(Path(ris_ros.__file__).parent / "models/tabletop/open_clip_model.safetensors")
    trainer = Trainer(views, steps=1, learning_rate=1e-3, seed=0, device="cpu")
    trainer.start_from(weights)
    for name, value in trainer.trained().state_dict().items():
        torch.testing.assert_close(value, weights[name].to(value.dtype), msg=name)
    [accuracy] = selection_accuracy(trainer.trained().eval(), trainer.tokenizer, views, np.array([0.3]))
    assert accuracy > 0.9


def test_words_outside_the_training_texts_stay_zero(trainer):
    table = trainer.trained().token_embedding.weight
    known = trainer.tokenizer(["the red cup"])[0, 1:4]
    unknown = trainer.tokenizer(["xylophone"])[0, 1:3]
    assert (table[known] != 0).any(1).all()
    assert (table[unknown] == 0).all()
