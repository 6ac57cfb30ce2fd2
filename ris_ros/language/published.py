"""Which noun phrase of an expression names the target, by the published rule."""

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
