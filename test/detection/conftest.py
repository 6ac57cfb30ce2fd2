"""Small random models of the real classes, written to folders as their makers' are."""

import json

import numpy as np
import pytest
import torch

WORDS = ["red", "blue", "cup", "bowl", "ball", "a", "the", "person", "in", "left"]


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def bert_tokenizer():
    from transformers import BertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", *WORDS, *"abcdefghijklmnopqrstuvwxyz"]
    return BertTokenizer(vocab={word: i for i, word in enumerate(words)})


def clip_tokenizer(length):
    from transformers import CLIPTokenizer

    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["!", *letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[], model_max_length=length,
                         pad_token="!")


def grounding_dino(folder, kind="grounding-dino"):
    import transformers as t

    mm = kind == "mm-grounding-dino"
    config_class = t.MMGroundingDinoConfig if mm else t.GroundingDinoConfig
    model_class = t.MMGroundingDinoForObjectDetection if mm else t.GroundingDinoForObjectDetection
    tokenizer = bert_tokenizer()
    config = config_class(
        backbone_config=t.SwinConfig(image_size=64, patch_size=4, embed_dim=8, depths=[1, 1, 1, 1],
                                     num_heads=[1, 2, 2, 4], window_size=2, out_indices=[2, 3, 4]),
        text_config=t.BertConfig(vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                                 intermediate_size=16, max_position_embeddings=64),
        d_model=32, encoder_layers=1, decoder_layers=2, encoder_ffn_dim=32, decoder_ffn_dim=32,
        encoder_attention_heads=4, decoder_attention_heads=4, num_queries=10, max_text_len=32)
    processor = t.GroundingDinoProcessor(
        t.GroundingDinoImageProcessor(size={"shortest_edge": 96, "longest_edge": 128}), tokenizer)
    return save(model_class(config), processor, folder)


def owl(folder, kind="owlv2"):
    import transformers as t

    new = kind == "owlv2"
    tokenizer = clip_tokenizer(16)
    text = {"vocab_size": len(tokenizer), "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "max_position_embeddings": 16, "pad_token_id": 0, "bos_token_id": 53,
            "eos_token_id": 54}
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
              "image_size": 32, "patch_size": 8}
    config = (t.Owlv2Config if new else t.OwlViTConfig)(text_config=text, vision_config=vision, projection_dim=16)
    images = (t.Owlv2ImageProcessor(size={"height": 32, "width": 32}) if new
              else t.OwlViTImageProcessor(size={"height": 32, "width": 32}))
    processor = (t.Owlv2Processor if new else t.OwlViTProcessor)(images, tokenizer)
    return save((t.Owlv2ForObjectDetection if new else t.OwlViTForObjectDetection)(config), processor, folder)


def sam3(folder, kind="sam3"):
    import transformers as t

    tokenizer = clip_tokenizer(32)
    small = {"hidden_size": 32, "num_layers": 1, "num_attention_heads": 4, "intermediate_size": 32}
    config = t.Sam3Config(
        vision_config={"backbone_config": {
            "model_type": "sam3_vit_model", "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2,
            "num_attention_heads": 4, "image_size": 112, "patch_size": 14, "window_size": 4, "global_attn_indexes": [1],
            "pretrain_image_size": 56}, "fpn_hidden_size": 32,
            "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]]},
        text_config={"model_type": "clip_text_model", "vocab_size": len(tokenizer), "hidden_size": 32,
                     "intermediate_size": 32, "projection_dim": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
                     "max_position_embeddings": 32, "pad_token_id": 0, "bos_token_id": 53, "eos_token_id": 54},
        geometry_encoder_config=small, detr_encoder_config=small, detr_decoder_config={**small, "num_queries": 10},
        mask_decoder_config={"hidden_size": 32, "num_attention_heads": 4})
    processor = t.Sam3Processor(t.Sam3ImageProcessor(size={"height": 112, "width": 112}), tokenizer)
    return save(t.Sam3Model(config), processor, folder)


def save(model, processor, folder):
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())["model_type"]
    return folder


MAKERS = {"grounding-dino": grounding_dino, "mm-grounding-dino": grounding_dino, "owlvit": owl, "owlv2": owl,
          "sam3": sam3}


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Return a function that gives the folder of a small model of a kind."""
    made = {}

    def folder(kind):
        if kind not in made:
            torch.manual_seed(0)
            made[kind] = MAKERS[kind](tmp_path_factory.mktemp("detector") / kind, kind)
        return made[kind]
    return folder
