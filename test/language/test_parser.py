"""The target noun phrase, by the published rule and in commands."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ris_ros.config import LanguageConfig
from ris_ros.errors import InputError, MissingError
from ris_ros.language import ExpressionParser

full = ExpressionParser()
reference = ExpressionParser(method="reference")


@pytest.mark.parametrize(("text", "phrase", "head"), [
    ("The red cup on the left", "the red cup", "cup"),
    ("the man in the blue shirts", "the man", "man"),
    ("the umbrella carried by the woman", "the umbrella", "umbrella"),
    ("two bottles", "two bottles", "bottle"),
    ("left", "left", ""),
])
def test_the_published_rule(text, phrase, head):
    query = reference.parse(text)
    assert (query.target_phrase, query.head) == (phrase, head)
    assert query.text == text
    assert query.sentence == text.lower()


@pytest.mark.parametrize(("text", "phrase"), [
    ("Could you grab me the red cup, please", "the red cup"),
    ("robot, pick up the blue box behind the cup", "the blue box"),
    ("I want you to find the bowl", "the bowl"),
    ("give me the red cup", "the red cup"),
    ("kid eating cake", "kid"),
    ("the cup that is not red", "the cup"),
])
def test_the_object_of_a_command_is_the_target(text, phrase):
    assert full.parse(text).target_phrase == phrase


@pytest.mark.parametrize("text", ["", "   \n", "?!", "..."])
def test_a_text_without_words_is_refused(text):
    with pytest.raises(InputError, match="names nothing"):
        full.parse(text)


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=300))
def test_any_text_with_a_letter_is_understood_somehow(text):
    query = full.parse(f"x {text}")
    assert query.target_phrase
    assert query.sentence == query.sentence.lower()


def test_a_very_long_text_is_cut_and_said_so(caplog):
    query = full.parse("the cup next to " * 1000)
    assert len(query.sentence) <= 10_000
    assert "cut" in caplog.text


def test_a_missing_language_model_names_the_command_that_installs_it():
    with pytest.raises(MissingError, match="python -m spacy download xx_no_such_model"):
        ExpressionParser(LanguageConfig(model="xx_no_such_model"))
