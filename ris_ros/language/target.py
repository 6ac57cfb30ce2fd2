"""Which noun phrase of an expression names the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span, Token


def published_target(doc: Doc) -> tuple[Span | Doc, Token | None]:
    """The target noun phrase and its head, as the paper finds them.

    The noun chunk of the parse's root; if the root is in no chunk, the chunk of its first child; else the whole text,
    without a head (paper, section 3.3, and its published code: of several sentences, the last one's root counts).
    """
    chunk_of = {token.i: chunk for chunk in doc.noun_chunks for token in chunk}
    root = [token for token in doc if token.head is token or token.head.i == token.i][-1]
    for token in (root, *list(root.children)[:1]):
        if token.i in chunk_of:
            return chunk_of[token.i], chunk_of[token.i].root
    return doc[:], None


def commanded_target(doc: Doc) -> tuple[Span | Doc, Token | None]:
    """As `published_target`, but the object of a command before anything else.

    "Could you grab me the red cup, please" asks for the red cup: the direct object of the root verb, or of a verb
    that the root leads to ("I want you to find the bowl"). The verb must be in its base form: "kid eating cake" is
    no command.
    """
    chunk_of = {token.i: chunk for chunk in doc.noun_chunks for token in chunk}
    verbs = [token for token in doc if token.dep_ == "ROOT"]
    while verbs:
        verb = verbs.pop()
        for child in verb.children:
            if verb.tag_ in ("VB", "VBP") and child.dep_ == "dobj" and child.pos_ != "PRON" and child.i in chunk_of:
                return chunk_of[child.i], chunk_of[child.i].root
        verbs += [child for child in verb.children if child.dep_ in ("xcomp", "ccomp", "conj")]
    return published_target(doc)
