"""Texts of every kind that Unicode allows: each gives a valid query or an InputError of one line, in linear time."""

import json
import string
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ris_ros.config import LanguageConfig
from ris_ros.errors import InputError
from ris_ros.language import MAX_WORDS
from ris_ros.node.commands import CommandError, parse_command
from ris_ros.parsing import make_parser
from ris_ros.utils.texts import MAX_TEXT_CHARACTERS, normalized

METHODS = ("full", "reference")

COMMON_WORDS = st.sampled_from([
    "the", "red", "cup", "on", "left", "of", "box", "and", "not", "second", "-", "'", ",", ".", "?", "İSTANBUL", "ﬁsh",
    "ｃｕｐ"])


def mixed_with_words(characters):
    """Return texts of English words between which, and within which, there are other characters."""
    pieces = st.one_of(COMMON_WORDS, st.lists(characters, max_size=6).map("".join))
    return st.builds("".join, st.lists(st.one_of(pieces, st.just(" ")), min_size=1, max_size=30))


def of_categories(*categories):
    return mixed_with_words(st.characters(categories=categories))


def of(characters):
    return mixed_with_words(st.sampled_from(characters))


KINDS = {
    "any Unicode": st.text(),
    "any Unicode between words": mixed_with_words(st.characters()),
    "surrogates": mixed_with_words(st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF, categories=["Cs"])),
    "combining marks": of_categories("Mn", "Mc", "Me"),
    "control characters": of_categories("Cc"),
    "invisible characters": of_categories("Cf"),
    "unassigned and private": of_categories("Cn", "Co"),
    "separators": of_categories("Zs", "Zl", "Zp"),
    "numbers": of_categories("Nd", "Nl", "No"),
    "modifiers and other letters": of_categories("Lm", "Lo", "Lt"),
    "symbols": of_categories("So", "Sk", "Sm", "Sc"),
    "punctuation": of_categories("Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"),
    "longer in lower case": of([chr(i) for i in range(sys.maxunicode + 1) if len(chr(i).lower()) > 1]),
    "longer in upper case": of([chr(i) for i in range(0xD800) if len(chr(i).upper()) > 1]),
    "full width": of([chr(i) for i in range(0xFF01, 0xFF5F)]),
    "ligatures": of("ﬀﬁﬂﬃﬄﬅﬆ\ufdfaǅǈĳ"),
    "right to left": of("שלוםمرحبا\u200f\u202e\u2067"),
    "emoji sequences": of(["👩‍🍳", "🏳️‍🌈", "1️⃣", "👍🏽", "🇩🇪", "❤️", "\u200d", "\ufe0f", "🏴\U000e0067\U000e007f"]),
    "quotation marks": of("'’`´\"“„‘‚″′«»"),
    "dashes": of("-‐‑‒–—―−－\u00ad"),
    "line breaks and NUL": of("\0\n\r\v\f\x1c\x85\u2028\u2029"),
    "markup": of(["<b>", "&amp;", "[red]", "[/]", "{}", "%s", "\\n", "$(x)", "#", "@"]),
}


@pytest.fixture(scope="module")
def parsers():
    return {method: make_parser(LanguageConfig(), method) for method in METHODS}


def check_answer(parser, text):
    """Check that `text` is parsed into one line that can be sent, or refused in one line."""
    try:
        query = parser.parse(text)
    except InputError as error:
        assert str(error).isprintable()
        return
    assert query.text == text
    assert query.sentence == query.sentence.lower() == " ".join(query.sentence.split())
    assert query.target_phrase
    for target in query.targets:
        for part in (target.phrase, target.appearance, target.head, *target.attributes):
            part.encode()
            assert not any(unicodedata.category(character) in ("Cc", "Cf") for character in part)
    if query.targets[0].appearance:
        assert len(query.targets[0].appearance.split()) <= MAX_WORDS


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_any_text_is_parsed_or_refused(parsers, method, kind):
    @settings(max_examples=25, deadline=None, derandomize=True, database=None)
    @given(text=KINDS[kind])
    def check(text):
        check_answer(parsers[method], text)

    check()


def test_every_character_keeps_its_place_in_lower_case():
    for start in range(0, 0x30000, 1024):
        text = "x" + "".join(map(chr, range(start, start + 1024))).translate(dict.fromkeys(range(0xD800, 0xE000)))
        written = normalized(text)
        assert len(written.lower()) == len(written)


@pytest.mark.parametrize("text", [
    "THE RED CUP",
    "ｔｈｅ ｒｅｄ ｃｕｐ", "the\u200b r\u00aded c\u2060up", "𝐭𝐡𝐞 𝓻𝓮𝓭 𝕔𝕦𝕡", "the\nred\0cup", "\ufeffthe red cup\u200e",
    "THE RED CUP ❤️", "the\u3000red\u00a0cup"])
def test_another_spelling_of_the_same_words_is_read_alike(parsers, text):
    target = parsers["full"].parse(text).target
    assert (target.head, target.appearance) == ("cup", "red cup")


def test_a_capital_i_with_a_dot_is_an_i(parsers):
    assert parsers["full"].parse("the bottle of İSTANBUL water").sentence == "the bottle of istanbul water"


@pytest.mark.parametrize("unit", [
    "then take the cup ", "the cup next to ", "not red or ", "and then ", "go to the hall and take the cup then ",
    "is it the one that is not the one ", "left ", "a", "'s ", "- ", "(", "a-", "1 2 ", "ﷺ", "e\u0301\u0323", "İ ",
    "👩‍🍳 x "])
@pytest.mark.parametrize("method", METHODS)
def test_a_text_at_the_limit_is_read_and_a_longer_one_refused_at_once(parsers, method, unit):
    check_answer(parsers[method], f"the cup {unit * MAX_TEXT_CHARACTERS}"[:MAX_TEXT_CHARACTERS])
    with pytest.raises(InputError, match=f"in at most {MAX_TEXT_CHARACTERS}$"):
        parsers[method].parse(f"the cup {unit * 1_000_000}")


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(words=st.lists(st.sampled_from([
    "the", "cup", "then", "take", "and", "go", "to", "it", "please", "not", "is", "that", "one", "left", "first", "?",
    ".", ",", "-", "where", "'s", "give", "me", "on"]), min_size=1, max_size=5))
def test_words_that_are_repeated_up_to_the_limit_are_read(parsers, words):
    unit = " ".join(words) + " "
    check_answer(parsers["full"], f"x {unit * MAX_TEXT_CHARACTERS}"[:MAX_TEXT_CHARACTERS])


def test_the_command_line_answers_every_line(tmp_path):
    lines = [b"the red cup", "İ cup".encode(), b"\xff\xfe cup", b"cup \x00 red", b"[/red] :cup: [x]",
             b"?!", "c\ud800up".encode(errors="surrogatepass"), b"cup " * 10_000, "die Tasse ß ﬁ ☕".encode()]
    process = subprocess.run(
        [sys.executable, "-c", "from ris_ros.cli import main; main()", "parse", "-"], input=b"\n".join(lines),
        capture_output=True, check=False, env={"PATH": "", "PYTHONPATH": ":".join(sys.path), "LC_ALL": "C",
                                               "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"})
    answers = [json.loads(line) for line in process.stdout.decode().splitlines()]
    assert ["error" in answer for answer in answers] == [False, False, True, False, False, True, True, True, False]
    assert process.returncode == 2
    assert process.stderr.decode().splitlines() == ["ris: 4 of the texts could not be parsed; their lines say why"]


@pytest.mark.parametrize("make_message", [
    lambda text: text, lambda text: json.dumps({"text": text}), lambda text: json.dumps({"id": text, "text": "a cup"}),
    lambda text: json.dumps({"text": text, "id": 1}, ensure_ascii=False), lambda text: "{" + text,
    lambda text: '{"text": "a cup", "id": 1' + "0" * 5000 + "}", lambda text: "{" * 5000 + text],
    ids=["plain", "text", "id", "unescaped", "no JSON", "long number", "nested"])
@pytest.mark.parametrize("text", ["c\ud800up", "\0", "İ", "x" * 10_000_000, string.printable, "\udfff", "﷽"])
def test_any_command_is_read_or_refused_with_what_can_be_sent_back(make_message, text):
    message = make_message(text)
    try:
        message.encode()
    except UnicodeEncodeError:
        return  # No ROS message holds this.
    try:
        command = parse_command(message)
    except CommandError as error:
        command = error.command
        assert len(str(error)) < 1000
    json.dumps([command.text, command.id], ensure_ascii=False).encode()
