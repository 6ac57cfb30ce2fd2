"""What the reader sees of the words: parts of speech, and a summary of what word lists say of each word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ris_ros.language import lexicon as lex
from ris_ros.language import vocabulary as v
from ris_ros.language.english import English
from ris_ros.language.words import Text
from training.reader.names import WORDS, number
from training.reader.tree import REQUEST, Tree

if TYPE_CHECKING:
    from spacy.tokens import Doc
    from spacy.vocab import Vocab

_LISTS = (("direction", WORDS["directions"]), ("ordinal", WORDS["ordinals"]), ("superlative", WORDS["superlatives"]),
          ("colour", v.COLOURS), ("determiner", v.DETERMINERS), ("generic", lex.GENERIC), ("pronoun", v.PRONOUNS))


def kind(word: str, english: English) -> str:
    """Return a summary of what word lists say of a word: "noun alive plural", "verb noun", "colour"."""
    if number(word) is not None:
        return "number"
    listed = [name for name, words in _LISTS if word in words]
    if listed:
        return " ".join(listed)
    lemma = english.lemma(word)
    said = [sense for sense in ("noun", "verb", "adj", "adv") if english.has_sense(word, sense)]
    said += [name for name, words in (("alive", lex.ALIVE), ("clothes", lex.CLOTHES), ("room", lex.ROOMS))
             if lemma in words or word in words]
    said += ["plural"] * (lemma != word) + ["order"] * (word in v.VERBS)
    return " ".join([*said, *(ending for ending in ("ing", "ed") if word.endswith(ending))])


def doc(vocab: Vocab, words: Sequence[str], tags: Sequence[str], english: English, tree: Tree | None = None) -> Doc:
    """Return the document that the parser reads; with a tree, one to learn from.

    `words` and `tags` come without the request.
    """
    import os
    from spacy.tokens import Doc

    if os.environ.get('NOTAG'):
        tags = ['' for _ in tags]
    gold: dict[str, Any] = {} if tree is None else {
        "heads": list(tree.heads), "deps": ["ROOT" if label == "root" else label for label in tree.labels]}
    return Doc(vocab, words=[REQUEST, *words], tags=["", *tags],
               lemmas=["", *(kind(word, english) or "none" for word in words)],
               sent_starts=None if gold else [True, *[False] * len(words)], **gold)


def tree_of(doc: Doc) -> Tree:
    """Return the tree of a parsed document.

    Words that the parser attached to nothing are only said. If it found no target, the first noun becomes one.
    """
    loose = [token.i for token in doc if token.i and (token.head.i == token.i or token.dep_ in ("ROOT", "dep", ""))]
    heads = [0 if token.i in loose else token.head.i for token in doc]
    labels = ["said" if token.i in loose else token.dep_ for token in doc]
    if not any(label != "said" for head, label in zip(heads[1:], labels[1:], strict=True) if head == 0):
        noun = next((token.i for token in doc if token.tag_.startswith("NN") or token.text in WORDS["generic"]), None)
        if noun is not None:
            heads[noun], labels[noun] = 0, "target"
    return Tree(tuple(token.text for token in doc), (0, *heads[1:]), ("root", *labels[1:]))


def text_doc(vocab: Vocab, text: Text, english: English) -> Doc:
    """Return the document of a tagged text."""
    return doc(vocab, [word.text for word in text.words], [word.tag for word in text.words], english)


def tagged(trees: Iterable[Tree], english: English) -> Iterator[tuple[Tree, list[str]]]:
    """Yield trees with the parts of speech of their words, without the request."""
    from spacy.tokens import Doc

    nlp = english._nlp
    docs = ((Doc(nlp.vocab, words=list(tree.words[1:])), tree) for tree in trees)
    for done, tree in nlp.pipe(docs, as_tuples=True, batch_size=256):
        yield tree, [token.tag_ for token in done]
