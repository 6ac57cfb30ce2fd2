"""Errors as one line of text."""

import pytest

from ris_ros.errors import InputError, MissingError, one_line


@pytest.mark.parametrize(("error", "text"), [
    (InputError("the image is empty"), "the image is empty"),
    (MissingError("no\n  weights"), "no weights"),
    (ValueError("bad\nvalue"), "ValueError: bad value"),
    (KeyError(), "KeyError"),
    (InputError(), "InputError"),
])
def test_errors_of_other_packages_are_prefixed_with_their_type(error, text):
    assert one_line(error) == text
