"""Words that nothing is known of: gibberish, numbers, other languages, words the model never saw, long texts."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from ris_ros.config import EncoderConfig
from ris_ros.encoding import MaskGuidedEncoder, load_encoder
from ris_ros.grounding import AppearanceScorer, Grounder, Layout, PromptBank, decide
from ris_ros.grounding import thresholds as t
from ris_ros.grounding.guesses import NONSENSE, Guesses, WordLists
from ris_ros.grounding.prompt_bank import PHOTOGRAPHS
from ris_ros.language import MAX_WORDS, ExpressionParser
from ris_ros.types import Proposals, Result

PARSER = ExpressionParser()
LISTS = WordLists(PARSER.is_noun, PARSER.is_english, MAX_WORDS)


@pytest.fixture(scope="module")
def encoder() -> MaskGuidedEncoder:
    return load_encoder(EncoderConfig(), "cpu")


@pytest.fixture(scope="module", params=["its own bank", "the vocabulary"])
def ask(request, encoder):
    """Ask for what texts name among masks with the features of names that the bundled model knows, and of others."""
    bank = PromptBank.load("", encoder.calibration) if request.param == "its own bank" else PHOTOGRAPHS
    guesses = Guesses(bank, LISTS, encoder.encode_text, encoder.is_cut, encoder.model.context_length)
    texts = ["red cup", "green bowl", "book", "zzz", "kqwx wqk", "blue object", "thing"]
    masks = np.zeros((len(texts), 40, 20 * len(texts)), bool)
    for i, mask in enumerate(masks):
        mask[10:30, 20 * i + 2:20 * i + 18] = True
    proposals = Proposals.from_masks(masks)
    layout = Layout.measure(proposals, None)
    features = encoder.encode_text([f"the {text}" for text in texts])
    features = torch.nn.functional.normalize(features, dim=1)
    scorer = AppearanceScorer(features, encoder.encode_text, encoder.logit_scale, bank, layout, guesses=guesses)
    grounder = Grounder(layout, scorer)

    def answer(text: str) -> Result:
        query = PARSER.parse(text)
        return decide(query, proposals, grounder, min_confidence=0.0, max_candidates=3, doubts=guesses.note(query))
    return answer


def gibberish(count: int) -> list[str]:
    """Return strings of random letters, other ones than NONSENSE, with and without articles, places and colours."""
    rng = random.Random(17)
    frames = ("{}", "the {}", "the red {}", "the {} on the left", "the leftmost {}", "a {} next to the cup",
              "pick up the {}")
    words = ["".join(rng.choice("bcdfghjkmpqrvwxz") for _ in range(rng.randint(4, 9))) for _ in range(count)]
    assert not {f"the {word}" for word in words} & set(NONSENSE)
    return [rng.choice(frames).format(word) for word in words]


@pytest.mark.parametrize("text", [*gibberish(25), "asdf qwer", "12345", "8 0 3", "die rote Flasche", "la taza roja",
                                  "红色的杯子", "杯子", "красная чашка", "कप", "einen Hund", "\U0001F600 qwer"])
def test_what_is_no_word_is_a_guess(ask, text):
    result = ask(text)
    assert result.confidence <= t.MAX_GUESS
    assert "is no noun that ris_ros knows" in result.note
    assert "the answer is a guess" in result.note


@pytest.mark.parametrize("text", ["the stapler", "the hammer on the left", "the giraffe", "the fire extinguisher"])
def test_a_word_that_the_model_never_saw_is_a_guess(ask, text):
    result = ask(text)
    assert result.confidence <= t.MAX_GUESS
    assert "the model does not know" in result.note


@pytest.mark.parametrize("text", ["the red cup", "the bowl", "the book", "the book on the left", "the \U0001F600 bowl",
                                  "the red thing", "both objects", "the left one", "it", "bring me the bowl, please"])
def test_what_is_known_is_no_guess(ask, text):
    assert "guess" not in ask(text).note


@pytest.mark.parametrize("ask", ["its own bank"], indirect=True)
def test_a_known_name_stays_certain(ask):
    assert ask("the bowl").confidence > 0.9


def test_an_unknown_landmark_makes_a_guess(ask):
    result = ask("the bowl right of the flurble")
    assert result.confidence <= t.MAX_GUESS
    assert "'flurble'" in result.note


@pytest.mark.parametrize(("text", "unit"), [
    (f"the {'old wooden dusty ' * 30}cup", "words"), (f"the {'small ' * 60}cup", "words"),
    (f"the cup with {'antidisestablishmentarianism ' * 9}", "tokens")])
def test_a_text_of_which_some_was_not_read_is_a_guess(ask, text, unit):
    result = ask(text)
    assert result.confidence <= t.MAX_GUESS
    assert f"{unit} of a noun phrase are read" in result.note


def test_a_note_on_a_long_word_is_short(ask):
    assert ask("qw" * 500).note.startswith(f"'{'qw' * 20}...' is no noun")


def test_a_users_name_is_known(tmp_path, encoder):
    file = tmp_path / "names.txt"
    file.write_text("flurble\n")
    for names, note in (("", "'flurble' is no noun"), (str(file), "the model does not know 'flurble'")):
        bank = PromptBank.load("", encoder.calibration, names)
        guesses = Guesses(bank, LISTS, encoder.encode_text, encoder.is_cut, encoder.model.context_length)
        assert guesses.note(PARSER.parse("the flurble")).startswith(note)


def test_a_model_that_knows_the_word_raises_no_doubt_about_it():
    rng = np.random.default_rng(0)
    features: dict[str, torch.Tensor] = {}

    def encode(texts: list[str]) -> torch.Tensor:
        return torch.stack([features.setdefault(text, torch.from_numpy(rng.normal(size=16)).float()) for text in texts])

    guesses = Guesses(PHOTOGRAPHS, LISTS, encode, lambda text: False, 77)
    assert not guesses.note(PARSER.parse("the stapler left of the giraffe"))
    assert guesses.note(PARSER.parse("the qwerfz"))
