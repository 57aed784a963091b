"""The encoders of papers and courses, one row each: what `segue list encoders` shows before `--all`.

A row is a recommendation, not a gate: every timm name works. Parameters, strides, licences and milliseconds are in
`figures.json`, which `scripts/measure_networks.py` writes for the names here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Canonical:
    """Family, paper, and when to choose it.

    `files` is the licence of weights that the authors publish as files to download, not on the hub.
    """

    family: str
    paper: str
    when: str
    files: str = ""


VGG = "https://arxiv.org/abs/1409.1556"
RESNET = "https://arxiv.org/abs/1512.03385"
DENSENET = "https://arxiv.org/abs/1608.06993"
INCEPTION_V3 = "https://arxiv.org/abs/1512.00567"
INCEPTION_V4 = "https://arxiv.org/abs/1602.07261"
XCEPTION = "https://arxiv.org/abs/1610.02357"
MOBILENET_V2 = "https://arxiv.org/abs/1801.04381"
MOBILENET_V3 = "https://arxiv.org/abs/1905.02244"
EFFICIENTNET = "https://arxiv.org/abs/1905.11946"
CONVNEXT = "https://arxiv.org/abs/2201.03545"
SWIN = "https://arxiv.org/abs/2103.14030"
VIT = "https://arxiv.org/abs/2010.11929"
MAE = "https://arxiv.org/abs/2111.06377"
MOCO_V3 = "https://arxiv.org/abs/2104.02057"
DINO = "https://arxiv.org/abs/2104.14294"
DINOV2 = "https://arxiv.org/abs/2304.07193"
DINOV3 = "https://arxiv.org/abs/2508.10104"
SAM = "https://arxiv.org/abs/2304.02643"
SEGFORMER = "https://arxiv.org/abs/2105.15203"
UNET = "https://arxiv.org/abs/1505.04597"
DDRNET = "https://arxiv.org/abs/2101.06085"

CANON = {
    "vgg16": Canonical("VGG", VGG, "to repeat FCN or SegNet as published; slow for what it gives"),
    "vgg16_bn": Canonical("VGG", VGG, "VGG for today's rates; its first map has full resolution"),
    "vgg19": Canonical("VGG", VGG, "where a paper or a style loss asks for it"),
    "vgg19_bn": Canonical("VGG", VGG, "VGG 19 that trains at higher rates"),
    "resnet18": Canonical("ResNet", RESNET, "a robust first choice when a CPU has to train it"),
    "resnet34": Canonical("ResNet", RESNET, "a step up from resnet18 at less than twice its time"),
    "resnet50": Canonical("ResNet", RESNET, "the encoder most papers compare with"),
    "resnet101": Canonical("ResNet", RESNET, "to repeat DeepLab or PSPNet as published; wants a GPU"),
    "densenet121": Canonical("DenseNet", DENSENET, "few parameters, much memory; common in medical work"),
    "inception_v3": Canonical(
        "Inception", INCEPTION_V3, "to compare with older work; unpadded, it misses the image's rim"
    ),
    "inception_v4": Canonical(
        "Inception", INCEPTION_V4, "to compare with older work; unpadded, it misses the image's rim"
    ),
    "xception41": Canonical("Xception", XCEPTION, "a lighter backbone of DeepLabV3+"),
    "xception65": Canonical("Xception", XCEPTION, "DeepLabV3+ as published"),
    "mobilenetv2_100": Canonical("MobileNet", MOBILENET_V2, "Segue's default: trains on a CPU, runs on a phone"),
    "mobilenetv3_small_100": Canonical("MobileNet", MOBILENET_V3, "the smallest; when every millisecond counts"),
    "mobilenetv3_large_100": Canonical("MobileNet", MOBILENET_V3, "what LR-ASPP was made for; as fast as MobileNetV2"),
    "efficientnet_b0": Canonical(
        "EfficientNet", EFFICIENTNET, "better than MobileNetV2 on ImageNet, half as much time again"
    ),
    "efficientnet_b1": Canonical("EfficientNet", EFFICIENTNET, "between b0 and b2"),
    "efficientnet_b2": Canonical("EfficientNet", EFFICIENTNET, "few parameters where a file has to stay small"),
    "efficientnet_b3": Canonical("EfficientNet", EFFICIENTNET, "a common choice in competitions at moderate cost"),
    "efficientnet_b4": Canonical("EfficientNet", EFFICIENTNET, "the largest that is still fair on a small GPU"),
    "convnext_tiny": Canonical("ConvNeXt", CONVNEXT, "the modern convolutional choice when there is a GPU"),
    "convnext_tiny.dinov3_lvd1689m": Canonical("ConvNeXt", DINOV3, "DINOv3 distilled into convolutions"),
    "convnext_small": Canonical("ConvNeXt", CONVNEXT, "more of convnext_tiny"),
    "convnext_base": Canonical("ConvNeXt", CONVNEXT, "accuracy first, on a large GPU"),
    "swin_tiny_patch4_window7_224": Canonical(
        "Swin", SWIN, "UPerNet's usual partner; attention with maps of four strides"
    ),
    "swin_small_patch4_window7_224": Canonical("Swin", SWIN, "more of swin_tiny"),
    "swin_base_patch4_window7_224": Canonical("Swin", SWIN, "accuracy first, on a large GPU"),
    "vit_small_patch16_224": Canonical("ViT", VIT, "plain ViT, supervised: the cheap transformer to begin with"),
    "vit_base_patch16_224": Canonical("ViT", VIT, "plain ViT, supervised; the encoder of DPT and of most ViT papers"),
    "vit_base_patch16_224.mae": Canonical("ViT, MAE", MAE, "learned by filling in masked patches: fine-tune all of it"),
    "vit_large_patch16_224.mae": Canonical("ViT, MAE", MAE, "the size at which MAE pays most; wants a large GPU"),
    "vit_small_patch16_mocov3": Canonical(
        "ViT, MoCo v3", MOCO_V3, "contrastive, from the authors' file", files="cc-by-nc-4.0"
    ),
    "vit_base_patch16_mocov3": Canonical(
        "ViT, MoCo v3", MOCO_V3, "contrastive, from the authors' file", files="cc-by-nc-4.0"
    ),
    "vit_small_patch16_224.dino": Canonical(
        "ViT, DINO", DINO, "self-supervised; frozen features that separate objects"
    ),
    "vit_small_patch14_dinov2": Canonical("ViT, DINOv2", DINOV2, "strong frozen features under a permissive licence"),
    "vit_base_patch14_dinov2": Canonical("ViT, DINOv2", DINOV2, "the same, larger; a linear head on it goes far"),
    "vit_small_patch16_dinov3": Canonical("ViT, DINOv3", DINOV3, "dense features for few labels; read its licence"),
    "vit_base_patch16_dinov3": Canonical("ViT, DINOv3", DINOV3, "the same, larger"),
    "samvit_base_patch16": Canonical("SAM", SAM, "SAM's image encoder: sharp outlines, little sense of classes"),
    "mit_b0": Canonical("MiT", SEGFORMER, "SegFormer's encoder at MobileNet size; not for commercial use"),
    "mit_b1": Canonical("MiT", SEGFORMER, "SegFormer-B1; not for commercial use"),
    "mit_b2": Canonical("MiT", SEGFORMER, "SegFormer's usual middle size; not for commercial use"),
    "mit_b3": Canonical("MiT", SEGFORMER, "SegFormer-B3; not for commercial use"),
    "mit_b4": Canonical("MiT", SEGFORMER, "SegFormer-B4; not for commercial use"),
    "mit_b5": Canonical("MiT", SEGFORMER, "SegFormer's largest; not for commercial use"),
    "double_conv": Canonical("U-Net", UNET, "the classic U-Net's own encoder: no pretrained weights, from scratch"),
    "ddrnet23_slim": Canonical(
        "DDRNet", DDRNET, "real time on an edge device; ImageNet weights from the authors' file", files="mit"
    ),
}
