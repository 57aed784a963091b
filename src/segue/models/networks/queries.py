"""Networks that predict a set of masks, each with a class: from a set to the scores of every pixel.

Mask2Former and EoMT answer with a fixed number of queries. Query q says how likely it is that it stands for class c (or
for nothing), and for every pixel whether it belongs to it. The score of class c at a pixel is the sum over queries of
the product of both, which is how both papers and `post_process_semantic_segmentation` of transformers get a map.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

LEAST = 1e-6  # added to every score before the logarithm: where no query claims a pixel all classes are alike


def pixel_scores(
    class_logits: Float[Tensor, "batch queries classes_and_none"], mask_logits: Float[Tensor, "batch queries rows cols"]
) -> Float[Tensor, "batch classes rows cols"]:
    """The score of every class at every pixel, from 0 to the number of queries; "no class" is the last of the logits.

    `sum over q of softmax(class_logits)[q, c] * sigmoid(mask_logits)[q, pixel]`, in float32.
    """
    classes = class_logits.float().softmax(dim=-1)[..., :-1]
    return torch.einsum("bqc,bqhw->bchw", classes, mask_logits.float().sigmoid())


class QueryHead(nn.Module):
    """Reads (query embeddings, mask logits) and returns the logarithm of `pixel_scores`, `enlarge` times as large.

    As logits these logarithms make every per-pixel loss well defined: their softmax is each class's share of the sum of
    the scores. Deviation from both papers: training with them minimises a per-pixel loss on the merged map; there is no
    matching of queries to objects, no loss on single masks and none on the layers in between.

    Scores are enlarged before the logarithm, as transformers does; it enlarges the masks themselves first.
    """

    def __init__(self, classifier: nn.Linear, enlarge: int) -> None:
        super().__init__()
        self.classifier = classifier
        self.enlarge = enlarge

    def forward(self, answer: tuple[Tensor, Tensor]) -> Float[Tensor, "batch classes height width"]:
        """Logits of every pixel."""
        queries, masks = answer
        with torch.autocast(masks.device.type, enabled=False):
            scores = pixel_scores(self.classifier(queries.float()), masks)
            if self.enlarge > 1:
                scores = functional.interpolate(scores, scale_factor=self.enlarge, mode="bilinear")
            return torch.log(scores + LEAST)
