"""Checkpoints in the layout their authors publish them in, written here with random numbers."""

import pytest
import timm
import torch

from segue.errors import WeightsError
from segue.models.build import ModelSpec, build
from segue.models.trunks.moco_v3 import ITS_SIGN, check_heads
from segue.models.weights import load_pretrained


def network(architecture, **options):
    torch.manual_seed(5)
    return timm.create_model(architecture, pretrained=False, **options).eval()


def loaded(encoder, path):
    model = build(ModelSpec(encoder, "fcn", 3, 2)).eval()
    return model.encoder, load_pretrained(model, str(path))


def last_block(net, images):
    """What the last transformer block gives, as a map."""
    with torch.no_grad():
        return net.forward_intermediates(images, indices=1, norm=False, intermediates_only=True)[0]


def moco_v3(architecture, path, **options):
    """As its `main_moco.py` saves it: both encoders with a projector for a head, the predictor, the optimiser."""
    base, slower = network(architecture, **options), network(architecture, **options)
    with torch.no_grad():
        for weight in slower.parameters():
            weight.mul_(0.9)
    state = {f"module.base_encoder.{name}": tensor for name, tensor in base.state_dict().items() if "head" not in name}
    state |= {name.replace("base", "momentum"): slower.state_dict()[name[20:]] for name in state}
    state |= {f"module.{part}_encoder.head.0.weight": torch.randn(8, 8) for part in ("base", "momentum")}
    state["module.predictor.0.weight"] = torch.randn(8, 8)
    torch.save({"epoch": 300, "arch": "vit", "state_dict": state, "optimizer": {"state": {}}, "scaler": {}}, path)
    return base


@pytest.mark.parametrize(
    ("architecture", "encoder", "heads"),
    [
        ("test_vit", "test_vit", 2),
        pytest.param("vit_small_patch16_224", "vit_small_patch16_mocov3", 12, marks=pytest.mark.slow),
        pytest.param("vit_base_patch16_224", "vit_base_patch16_224", 12, marks=pytest.mark.slow),
    ],
)
def test_a_file_of_moco_v3_gives_the_base_encoder(tmp_path, architecture, encoder, heads):
    theirs = moco_v3(architecture, tmp_path / "vit-300ep.pth.tar", num_heads=heads)
    ours, report = loaded(encoder, tmp_path / "vit-300ep.pth.tar")
    assert (report.share, report.missing) == (1, ())
    assert "momentum_encoder.cls_token" in report.unexpected
    side = theirs.patch_embed.img_size[0]
    images = torch.randn(1, 3, side, side)
    torch.testing.assert_close(ours(images)[-1], last_block(theirs, images), rtol=1e-4, atol=1e-5)


def test_heads_that_shapes_do_not_show_are_noticed():
    with torch.device("meta"):
        timms, theirs, wider = (
            network(f"vit_{size}_patch16_224", num_heads=heads, depth=1)
            for size, heads in (("small", 6), ("small", 12), ("base", 12))
        )
    for net in (theirs, wider, network("test_resnet")):
        check_heads(net, [ITS_SIGN])
    check_heads(timms, timms.state_dict())
    with pytest.raises(WeightsError, match=r"6 attention heads, got MoCo v3's with 12 .* vit_small_patch16_mocov3"):
        check_heads(timms, [ITS_SIGN, "base_encoder.cls_token"])


@pytest.mark.slow
def test_the_file_of_the_small_vit_of_moco_v3_is_not_put_into_timms(tmp_path):
    moco_v3("vit_small_patch16_224", tmp_path / "vit-s-300ep.pth.tar", num_heads=12)
    with pytest.raises(WeightsError, match=r"--model.encoder vit_small_patch16_mocov3"):
        loaded("vit_small_patch16_224", tmp_path / "vit-s-300ep.pth.tar")


@pytest.mark.parametrize("full", [False, True])
def test_a_file_of_mae_fills_the_encoder_and_its_decoder_is_left(tmp_path, full):
    theirs = network("test_vit")
    state = {name: tensor for name, tensor in theirs.state_dict().items() if "head" not in name}
    if full:
        state |= {"mask_token": torch.zeros(1, 1, 512), "decoder_pos_embed": torch.zeros(1, 197, 512)}
        state |= {"decoder_embed.weight": torch.zeros(512, 192), "decoder_blocks.0.norm1.weight": torch.zeros(512)}
    torch.save({"model": state}, tmp_path / "mae_pretrain.pth")
    encoder, report = loaded("test_vit", tmp_path / "mae_pretrain.pth")
    assert (report.share, report.missing) == (1, ())
    # timm's extractor ends with the last block: the norm behind it is not taken
    assert set(report.unexpected) == {n for n in state if n.startswith(("mask", "decoder", "norm."))}
    images = torch.randn(1, 3, 160, 160)
    torch.testing.assert_close(encoder(images)[-1], last_block(theirs, images), rtol=1e-4, atol=1e-5)


def test_a_file_of_moco_v2_fills_a_resnet_from_the_query_encoder(tmp_path):
    theirs = network("test_resnet")
    query = {f"module.encoder_q.{name}": tensor for name, tensor in theirs.state_dict().items() if "fc" not in name}
    state = query | {name.replace("_q.", "_k."): tensor * 0 for name, tensor in query.items()}
    torch.save({"epoch": 200, "state_dict": state | {"module.queue": torch.zeros(8, 16)}}, tmp_path / "moco.pth.tar")
    encoder, report = loaded("test_resnet", tmp_path / "moco.pth.tar")
    assert report.share == 1
    assert torch.equal(encoder.net.layer4[0].conv1.weight, theirs.layer4[0].conv1.weight)


@pytest.mark.slow
def test_a_file_of_sam_fills_the_image_encoder(tmp_path):
    theirs = network("samvit_base_patch16")
    state = {}
    for name, tensor in theirs.state_dict().items():
        state["image_encoder." + name.replace("mlp.fc", "mlp.lin")] = tensor
    state["mask_decoder.iou_token.weight"] = torch.zeros(1, 256)
    torch.save(state, tmp_path / "sam_vit_b.pth")
    encoder, report = loaded("samvit_base_patch16", tmp_path / "sam_vit_b.pth")
    assert (report.share, report.missing) == (1, ())
    block = encoder.net.model.blocks[3].mlp.fc1.weight
    assert torch.equal(block, theirs.blocks[3].mlp.fc1.weight)
