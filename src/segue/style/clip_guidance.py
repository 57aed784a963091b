"""CLIP (https://arxiv.org/abs/2103.00020) as a guide: texts and pictures as directions in one space.

Loaded from a folder, or from the Hugging Face hub when the name says so (`hf:owner/name`): a configuration, safetensors
and a tokenizer, no pickle and no code of the folder's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from segue.durable import sha256_of
from segue.errors import WeightsError
from segue.extras import require
from segue.models.networks.huggingface import EXTRA, quiet
from segue.models.source import Source
from segue.models.sources.card import card_licence
from segue.models.sources.files import INDEX, SAFETENSORS, TORCH, Files, files_of

LEGACY_END = 2  # an eos_token_id of older configurations, for which the highest number in a text is its end
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # CLIP's own, of its code
TOKENIZER = ("tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json")
# what of a configuration is taken over; a stranger's file may hold anything else
SHARED_FIELDS = (
    *("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "hidden_act", "layer_norm_eps"),
    "projection_dim",
)
TEXT_FIELDS = ("vocab_size", "max_position_embeddings", "bos_token_id", "eos_token_id", "pad_token_id")
VISION_FIELDS = ("image_size", "patch_size", "num_channels")
MAX_WEIGHTS = 2_000_000_000  # of what is built; ViT-L/14 has 430 million
# whole numbers of a configuration that are built, from 1 on; ViT-L/14 has 24 layers, 1024 channels and 336 pixels
MOST = {
    **{"hidden_size": 8192, "intermediate_size": 65_536, "num_hidden_layers": 128, "num_attention_heads": 256},
    **{"projection_dim": 8192, "vocab_size": 1_000_000, "max_position_embeddings": 4096},
    **{"image_size": 1024, "patch_size": 256, "num_channels": 3},
}


class ClipGuide:
    """A frozen CLIP. Embeddings have length one, and pictures go in as RGB from 0 to 1.

    `files` are the SHA-256 of all files that decide what it says, by name.
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Any,  # noqa: ANN401 - the library gives its tokenizers no type
        mean: Sequence[float] = MEAN,
        std: Sequence[float] = STD,
        files: Mapping[str, str] | None = None,
    ) -> None:
        frozen: Any = model.eval().requires_grad_(False)  # the library gives its parts no types
        self.model = frozen
        self.tokenizer = tokenizer
        self.files = dict(files or {})
        self.side = int(frozen.config.vision_config.image_size)
        self.mean, self.std = torch.tensor(mean).view(1, 3, 1, 1), torch.tensor(std).view(1, 3, 1, 1)

    def on(self, device: torch.device) -> ClipGuide:
        """Itself, on a device."""
        self.model.to(device)
        self.mean, self.std = self.mean.to(device), self.std.to(device)
        return self

    def of_texts(self, texts: Sequence[str]) -> Float[Tensor, " dimensions"]:
        """The mean of the embeddings of several texts, brought to length one; what is too long is cut off."""
        longest = int(self.model.config.text_config.max_position_embeddings)
        tokens = self.tokenizer(list(texts), padding=True, truncation=True, max_length=longest, return_tensors="pt")
        device = self.mean.device
        with torch.no_grad():
            pooled = self.model.text_model(
                input_ids=tokens["input_ids"].to(device), attention_mask=tokens["attention_mask"].to(device)
            ).pooler_output
            each = functional.normalize(self.model.text_projection(pooled), dim=1)
        return functional.normalize(each.mean(0), dim=0)

    def of_pictures(self, pictures: Float[Tensor, "pictures 3 height width"]) -> Float[Tensor, "pictures dimensions"]:
        """The embedding of each picture, resized to the square that the network was trained with."""
        square = (self.side, self.side)
        if tuple(pictures.shape[2:]) != square:
            pictures = functional.interpolate(pictures, square, mode="bicubic", antialias=True)
        pooled = self.model.vision_model(pixel_values=(pictures - self.mean) / self.std).pooler_output
        return functional.normalize(self.model.visual_projection(pooled), dim=1)


def load_clip(where: str) -> tuple[ClipGuide, Source]:
    """CLIP from a folder as `save_pretrained` writes it, or from `hf:owner/name`; and where it is from.

    Raises:
        MissingPackageError: transformers is not installed.
        WeightsError: the folder lacks something, holds another network, or the hub cannot be reached.
    """
    transformers = require("transformers", EXTRA)
    files = files_of(where)
    if files is None:
        raise WeightsError(
            f"{where}: expected a folder with a CLIP network (or hf:owner/name), got none: check the path"
        )
    content = files.json("config.json")
    if content is None or content.get("model_type") != "clip":
        got = "no config.json" if content is None else f"model_type {content.get('model_type')!r}"
        raise WeightsError(f"{where}: expected a CLIP network with config.json, got {got}: give its own folder")
    if not (files.get(SAFETENSORS) or files.get(INDEX)):
        got = f"{TORCH}, a pickle" if files.get(TORCH) else "no weights"
        raise WeightsError(f"{where}: expected {SAFETENSORS}, got {got}: save the network as safetensors first")
    tensors, sha256 = files.tensors()
    model = _model(transformers, where, content, tensors)
    guide = ClipGuide(model, _tokenizer(transformers, files), *_statistics(files), _deciding(files))
    _require_words(guide, where)
    return guide, Source(files.title, card_licence(files, ""), sha256=sha256, url=files.url)


def _model(transformers: Any, where: str, content: dict[str, Any], tensors: dict[str, Tensor]) -> nn.Module:  # noqa: ANN401
    from huggingface_hub.errors import StrictDataclassError  # what the configurations are checked with

    text, vision = (content.get(f"{tower}_config") or {} for tower in ("text", "vision"))
    try:
        config = transformers.CLIPConfig(
            text_config=_known(text, (*SHARED_FIELDS, *TEXT_FIELDS)),
            vision_config=_known(vision, (*SHARED_FIELDS, *VISION_FIELDS)),
            projection_dim=_known(content, ("projection_dim",)).get("projection_dim", 512),
        )
        with torch.device("meta"):  # a stranger's numbers: the size is known before memory is asked for
            count = sum(parameter.numel() for parameter in transformers.CLIPModel(config).parameters())
    except (
        TypeError, ValueError, KeyError, ZeroDivisionError, OverflowError, RuntimeError, StrictDataclassError,
    ) as error:  # fmt: skip
        got = " ".join(str(error).split())[:150]
        raise WeightsError(
            f"{where}: expected the sizes of a CLIP network in config.json, got others ({got})"
        ) from None
    if count > MAX_WEIGHTS:
        raise WeightsError(f"{where}: expected at most {MAX_WEIGHTS:,} weights, got {count:,}: take a smaller CLIP")
    with quiet():
        model, info = transformers.CLIPModel.from_pretrained(
            None, config=config, state_dict=tensors, output_loading_info=True, dtype=torch.float32,
            ignore_mismatched_sizes=True,
        )  # fmt: skip
    lacking = sorted(str(name) for key in ("missing_keys", "mismatched_keys") for name in info[key])
    if lacking:
        raise WeightsError(
            f"{where}: expected the weights of its config.json, got none for {lacking[0]}: copy it again"
        )
    whole: nn.Module = model
    return whole


def _known(fields: Any, names: Sequence[str]) -> dict[str, Any]:  # noqa: ANN401
    """Those of the fields that have these names; raises `TypeError` or `ValueError` for numbers that build nothing."""
    if not isinstance(fields, dict):
        raise TypeError(f"expected fields with names, got {str(fields)[:40]}")
    known = {name: fields[name] for name in names if name in fields}
    for name, value in known.items():
        if name in MOST and not (type(value) is int and 1 <= value <= MOST[name]):
            raise ValueError(f"{name}: expected a whole number from 1 to {MOST[name]:,}, got {str(value)[:40]}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name}: expected a finite number, got {value}")
    return known


def _tokenizer(transformers: Any, files: Files) -> Any:  # noqa: ANN401
    paths = [path for path in map(files.get, TOKENIZER) if path is not None]
    names = {path.name for path in paths}
    if not ("tokenizer.json" in names or {"vocab.json", "merges.txt"} <= names):
        raise WeightsError(
            f"{files.where}: expected tokenizer.json, or vocab.json and merges.txt, got neither: copy them"
        )
    try:
        made = transformers.CLIPTokenizer.from_pretrained(str(Path(paths[0]).parent), local_files_only=True)
        made(["a photo"], padding=True, return_tensors="pt")["input_ids"].max()  # some are damaged and say so only now
    except Exception as error:  # noqa: BLE001 - the library raises bare ones, and whatever odd files lead it to
        first = str(error).partition("\n")[0]
        raise WeightsError(
            f"{files.where}: expected CLIP's tokenizer, got damaged files ({first}): copy them"
        ) from None
    return made


def _deciding(files: Files) -> dict[str, str]:
    """SHA-256 of what was read: two CLIPs of the same weights differ where their words or their pictures' scale do."""
    names = ("config.json", "preprocessor_config.json", *TOKENIZER, SAFETENSORS)
    if files.get(SAFETENSORS) is None:
        parts = (files.json(INDEX) or {})["weight_map"].values()
        names = (*names, INDEX, *sorted(set(parts)))
    paths = [path for path in map(files.get, names) if path is not None]
    added = next(path for path in paths if path.name in TOKENIZER).with_name("added_tokens.json")
    return {path.name: sha256_of(path) for path in (*paths, *([added] if added.is_file() else []))}


def _require_words(guide: ClipGuide, where: str) -> None:
    """Refuse a tokenizer of another network: words this one has no vector for, or an end that it does not look for."""
    config = guide.model.config.text_config
    tokens = guide.tokenizer(["a photo"], return_tensors="pt")["input_ids"]
    last = max(int(tokens.max()), len(guide.tokenizer) - 1)
    if last >= config.vocab_size:
        raise WeightsError(
            f"{where}: expected a tokenizer of at most {config.vocab_size} words, as config.json says, got one whose "
            f"last is number {last}: copy the tokenizer's files of the same network"
        )
    if config.eos_token_id != LEGACY_END and not bool((tokens == config.eos_token_id).any()):
        raise WeightsError(
            f"{where}: expected texts to end with word {config.eos_token_id}, as config.json says, got "
            f"{int(tokens[0, -1])}: copy the tokenizer's files of the same network"
        )


def _statistics(files: Files) -> tuple[tuple[float, ...], tuple[float, ...]]:
    content = files.json("preprocessor_config.json") or {}
    mean, std = content.get("image_mean", MEAN), content.get("image_std", STD)
    try:
        found = tuple(float(one) for one in mean), tuple(float(one) for one in std)
    except (TypeError, ValueError, OverflowError):
        found = (), ()
    if [len(one) for one in found] != [3, 3] or not all(map(math.isfinite, sum(found, ()))) or min(found[1]) <= 0:
        raise WeightsError(
            f"{files.where}: expected three means and deviations in preprocessor_config.json, got others"
        )
    return found
