"""Segmentation networks of other libraries with a few thousand random weights, saved as their libraries save them.

from tiny_networks import TRANSFORMERS, save_transformers, save_smp, save_torchvision
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

NAMES = ("wall", "traffic light", "sky", "background")
FOUR = ["stage1", "stage2", "stage3", "stage4"]


def lively(model: Any) -> Any:
    """Evaluation mode, with weights that let the image through and batch statistics that are not the identity."""
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.2)
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
        if name.endswith("attn_mask_probs"):  # as in every published EoMT: its masked attention is phased out
            buffer.zero_()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, parameter[0].numel() ** -0.5)
            else:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()


# --- transformers ----------------------------------------------------------------------------------------------------


def _backbone(kind: str) -> Any:
    from transformers import ConvNextConfig, ResNetConfig, SwinConfig

    if kind == "swin":
        return SwinConfig(
            embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4, out_features=FOUR, image_size=64
        )
    if kind == "convnext":
        return ConvNextConfig(hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], out_features=FOUR)
    sizes = {"embedding_size": 8, "hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1]}
    return ResNetConfig(**sizes, layer_type="basic", out_features=FOUR)


def segformer() -> Any:
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    sizes = {"hidden_sizes": [8, 16, 16, 32], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2]}
    return SegformerForSemanticSegmentation(SegformerConfig(num_labels=4, decoder_hidden_size=16, **sizes))


def upernet(backbone: str = "swin") -> Any:
    from transformers import UperNetConfig, UperNetForSemanticSegmentation

    config = UperNetConfig(
        backbone_config=_backbone(backbone),
        hidden_size=16,
        num_labels=4,
        auxiliary_channels=8,
        auxiliary_in_channels=None,
    )
    return UperNetForSemanticSegmentation(config)


def dpt() -> Any:
    from transformers import DPTConfig, DPTForSemanticSegmentation

    config = DPTConfig(
        num_labels=4, hidden_size=16, num_hidden_layers=6, num_attention_heads=2, intermediate_size=32, image_size=64,
        patch_size=16, backbone_out_indices=[1, 2, 4, 5], neck_hidden_sizes=[8, 8, 16, 16], fusion_hidden_size=16,
        is_hybrid=False, readout_type="project",
    )  # fmt: skip
    return DPTForSemanticSegmentation(config)


def mask2former(backbone: str = "swin") -> Any:
    from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation

    config = Mask2FormerConfig(
        backbone_config=_backbone(backbone), num_labels=4, feature_size=64, mask_feature_size=32, hidden_dim=64,
        encoder_feedforward_dim=32, encoder_layers=1, decoder_layers=3, dim_feedforward=32, num_attention_heads=2,
        num_queries=6,
    )  # fmt: skip
    return Mask2FormerForUniversalSegmentation(config)


def eomt() -> Any:
    from transformers import EomtConfig, EomtForUniversalSegmentation

    config = EomtConfig(
        num_labels=4, hidden_size=16, num_hidden_layers=4, num_attention_heads=2, mlp_ratio=2, image_size=64,
        patch_size=16, num_upscale_blocks=2, num_blocks=2, num_queries=6, num_register_tokens=2,
    )  # fmt: skip
    return EomtForUniversalSegmentation(config)


TRANSFORMERS: dict[str, Callable[[], Any]] = {
    "segformer": segformer,
    "upernet-swin": upernet,
    "upernet-convnext": lambda: upernet("convnext"),
    "upernet-resnet": lambda: upernet("resnet"),
    "dpt": dpt,
    "mask2former-swin": mask2former,
    "mask2former-resnet": lambda: mask2former("resnet"),
    "eomt": eomt,
}


def save_transformers(
    folder: Path, kind: str, names: tuple[str, ...] = NAMES, preprocessing: dict[str, Any] | None = None, **options: Any
) -> Any:
    """Write a network as `save_pretrained` does; returns it in evaluation mode."""
    torch.manual_seed(0)
    model = lively(TRANSFORMERS[kind]())
    model.config.id2label = dict(enumerate(names))
    model.config.label2id = {name: number for number, name in enumerate(names)}
    model.save_pretrained(folder, **options)
    if preprocessing is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(preprocessing))
    return model


# --- segmentation_models_pytorch and torchvision ---------------------------------------------------------------------


def save_smp(folder: Path, kind: str = "FPN", encoder: str = "tu-test_resnet", classes: int = 4, **options: Any) -> Any:
    """Write a network as the library's `save_pretrained` does; returns it in evaluation mode."""
    import segmentation_models_pytorch as smp

    torch.manual_seed(0)
    model = lively(getattr(smp, kind)(encoder, encoder_weights=None, classes=classes, **options))
    model.save_pretrained(folder)
    return model


def save_torchvision(path: Path, name: str, classes: int = 4, **options: Any) -> Any:
    """Write the state dict of one of torchvision's networks; returns the network in evaluation mode."""
    from torchvision.models import segmentation

    torch.manual_seed(0)
    model = getattr(segmentation, name)(weights=None, weights_backbone=None, num_classes=classes, **options)
    torch.save(lively(model).state_dict(), path)
    return model
