"""Text features on disk, and the fingerprint that tells models apart."""

from __future__ import annotations

import io
from copy import deepcopy

import numpy as np
import open_clip
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ris_ros.encoding import MaskGuidedEncoder, text_store

TINY = {"image_size": 48, "patch_size": 8, "width": 64, "layers": 4, "head_width": 32}
TEXT = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
TEXTS = tuple(f"the {noun}" for noun in ("cup", "plate", "first aid kit", "dog", "stapler"))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RIS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "texts"


def make_model() -> torch.nn.Module:
    torch.manual_seed(0)
    return open_clip.CLIP(64, TINY, TEXT).eval()


def counting(encoder: MaskGuidedEncoder, monkeypatch) -> list[int]:
    """Return a list that grows with the number of texts that are computed."""
    computed: list[int] = []
    encode = encoder._encode_new_texts
    monkeypatch.setattr(encoder, "_encode_new_texts", lambda texts: computed.append(len(texts)) or encode(texts))
    return computed


def test_features_are_computed_once_for_a_model(cache, monkeypatch):
    first = MaskGuidedEncoder(make_model())
    expected = first.encode_text(list(TEXTS))
    first.store_texts(TEXTS)
    assert len(list(cache.glob("*.npz"))) == 1
    again = MaskGuidedEncoder(make_model())
    computed = counting(again, monkeypatch)
    again.store_texts(TEXTS)
    torch.testing.assert_close(again.encode_text([*TEXTS[::-1]]), expected.flip(0), rtol=2e-3, atol=2e-3)
    assert not computed
    again.encode_text(["the cup", "a new text"])
    assert computed == [1]


def damage(content: bytes) -> bytes:
    return content[:len(content) // 2]


@pytest.mark.parametrize("change", [damage, lambda content: b"", lambda content: b"something else"])
def test_a_damaged_file_is_computed_anew(cache, monkeypatch, change):
    MaskGuidedEncoder(make_model()).store_texts(TEXTS)
    [file] = cache.glob("*.npz")
    file.write_bytes(change(file.read_bytes()))
    encoder = MaskGuidedEncoder(make_model())
    computed = counting(encoder, monkeypatch)
    encoder.store_texts(TEXTS)
    assert sum(computed) == len(TEXTS)
    assert text_store.load_or_compute(encoder.fingerprint, TEXTS, lambda: pytest.fail("was not replaced")).any()


def test_a_file_of_another_model_or_other_texts_is_not_used(cache):
    ones, twos = (np.full((2, 3), value) for value in (1.0, 2.0))
    text_store.load_or_compute("a" * 64, ["x", "y"], lambda: ones)
    [file] = cache.glob("*.npz")
    assert (text_store.load_or_compute("b" * 64, ["x", "y"], lambda: twos) == 2).all()
    assert (text_store.load_or_compute("a" * 64, ["x", "z"], lambda: twos) == 2).all()
    # The same name, as of another version of the list, but another content.
    other = next(one for one in cache.glob("b*.npz"))
    file.write_bytes(other.read_bytes())
    assert (text_store.load_or_compute("a" * 64, ["x", "y"], lambda: ones) == 1).all()


def test_a_folder_that_cannot_be_written_does_not_matter(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("RIS_CACHE", str(tmp_path / "file"))
    encoder = MaskGuidedEncoder(make_model())
    encoder.store_texts(TEXTS)
    assert encoder.encode_text(["the cup"]).isfinite().all()


def test_old_files_are_removed(cache, monkeypatch):
    monkeypatch.setattr(text_store, "MAX_FILES", 2)
    for i in range(4):
        text_store.load_or_compute(f"{i}" * 64, ["x"], lambda: np.ones((1, 2)))
    assert len(list(cache.glob("*.npz"))) == 2
    assert not list(cache.glob("*.part"))


@pytest.mark.parametrize("name", ["visual.proj", "visual.conv1.weight", "token_embedding.weight", "text_projection",
                                  "transformer.resblocks.1.mlp.c_fc.weight", "logit_scale"])
def test_a_changed_weight_changes_the_fingerprint(name):
    model = make_model()
    same, other = MaskGuidedEncoder(deepcopy(model)), deepcopy(model)
    with torch.no_grad():
        other.state_dict()[name].mul_(1.01)
    assert same.fingerprint == MaskGuidedEncoder(model).fingerprint != MaskGuidedEncoder(other).fingerprint


@pytest.mark.parametrize(("words", "is_cut"), [(1, False), (12, False), (14, False), (15, True), (60, True)])
def test_a_text_is_cut_where_it_has_more_tokens_than_the_model_reads(words, is_cut):
    # 16 tokens, of which two are the start and the end; each "cup" is one.
    assert MaskGuidedEncoder(make_model()).is_cut(" ".join(["cup"] * words)) == is_cut


def test_a_tokenizer_without_encode_is_asked_what_it_leaves_out():
    plain = open_clip.SimpleTokenizer(context_length=16)
    encoder = MaskGuidedEncoder(make_model(), lambda texts: plain(texts))
    assert encoder.is_cut(" ".join(["cup"] * 30))
    assert not encoder.is_cut("the red cup")


def stored(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


SOUND = stored(features=np.ones((2, 3), np.float16), key=np.array("fk"))


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(content=st.one_of(
    st.binary(max_size=50),
    st.builds(lambda cut: SOUND[:cut], st.integers(0, len(SOUND) - 1)),
    st.builds(lambda at, damage: SOUND[:at] + damage + SOUND[at + len(damage):],
              st.integers(0, len(SOUND) - 1), st.binary(min_size=1, max_size=8)),
    st.sampled_from([
        stored(features=np.array("x"), key=np.array("fk")), stored(key=np.array("fk")),
        stored(features=np.ones(3, np.float16), key=np.array("fk")),
        stored(features=np.full((2, 3), np.nan, np.float16), key=np.array("fk")), SOUND + SOUND])))
def test_a_damaged_file_is_read_as_what_was_stored_or_not_at_all(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "damaged.npz"
    file.write_bytes(content)
    features = text_store._read(file, "f", "k", 2)
    assert features is None or (features.shape == (2, 3) and features.dtype == np.float16)


def test_a_folder_and_a_plain_array_are_no_stored_features(tmp_path):
    assert text_store._read(tmp_path, "f", "k", 2) is None
    np.save(tmp_path / "plain.npy", np.ones((2, 3), np.float16))
    assert text_store._read(tmp_path / "plain.npy", "f", "k", 2) is None
