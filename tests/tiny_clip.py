"""A CLIP of a few thousand random weights and a tokenizer that spells, as a folder like those one downloads."""

from __future__ import annotations

import json
import string
from pathlib import Path

import torch

LETTERS = string.ascii_lowercase + ".,:'0123456789"
SIDE = 16


def write_clip(folder: Path, seed: int = 0, **vision: object) -> Path:
    """Write config.json, model.safetensors, the tokenizer's files and the statistics of pictures into a folder."""
    from transformers import CLIPConfig, CLIPModel

    folder.mkdir()
    words = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    ends = {"bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1, "pad_token_id": len(words) - 1}
    common = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={**common, "vocab_size": len(words), "max_position_embeddings": 77, **ends},
        vision_config={**common, "image_size": SIDE, "patch_size": 8, **vision},
        projection_dim=12,
    )
    torch.manual_seed(seed)
    model = CLIPModel(config)
    for parameter in model.parameters():  # the library's first weights are too small to tell anything apart
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, 0, 0.3)
    model.save_pretrained(folder, safe_serialization=True)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3, "image_std": [0.5] * 3}))
    return folder
