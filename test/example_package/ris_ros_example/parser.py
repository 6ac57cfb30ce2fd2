"""The parser ``last-word``: the last word is the object, and all words describe it."""

from ris_ros.config import LanguageConfig
from ris_ros.types import Description, Query
from ris_ros.utils.texts import check_text


class LastWordParser:
    """Reads every text as the description of one object, without relations."""

    def parse(self, text: str) -> Query:
        """Return the query for an expression; raise InputError for a text that cannot be one."""
        check_text(text)
        sentence = text.lower()
        return Query(text, sentence, (Description(sentence, head=sentence.split()[-1], appearance=sentence),))

    def is_noun(self, word: str) -> bool:
        """Return whether a word is a noun."""
        return True

    def is_english(self, text: str) -> bool:
        """Return whether a text is of the language that is parsed."""
        return True


def make_parser(config: LanguageConfig) -> LastWordParser:
    """Return the parser."""
    return LastWordParser()
