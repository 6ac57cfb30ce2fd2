"""The published rule for the noun phrase that names the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span, Token


def published_target(doc: Doc) -> tuple[Span | Doc, Token | None]:
    """Return the target noun phrase and its head, as the paper finds them.

    This is the noun chunk of the parse's root; if the root is in no chunk, the chunk of its first child; else the whole
    text, without a head. See section 3.3 of the paper; as in its published code, the last of several sentences counts.
    """
    chunk_of = {token.i: chunk for chunk in doc.noun_chunks for token in chunk}
    root = [token for token in doc if token.head is token or token.head.i == token.i][-1]
    for token in (root, *list(root.children)[:1]):
        if token.i in chunk_of:
            return chunk_of[token.i], chunk_of[token.i].root
    return doc[:], None
