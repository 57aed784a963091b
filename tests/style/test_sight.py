"""Which encoders look further than tiles overlap, and that the command says so where it matters."""

import gc
import logging
import weakref

import pytest
import torch

from segue.style.adain_network import AdainNetwork
from segue.style.autoencoder import Shape
from segue.style.network import Wanted
from segue.style.painter import Painter
from segue.style.picture import eight_bits
from segue.style.sight import looking_beyond
from tiny_painter import painter
from tiny_style import picture

POOLING = Shape("mobilenetv3_small_050", ("stride4",))


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        (POOLING, "mobilenetv3_small_050"),
        (Shape("efficientnet_b0", ("stride4",)), "efficientnet_b0"),
        (Shape("efficientnetv2_rw_t", ("stride8",)), ""),  # whose first stages have no squeeze-and-excitation
        (Shape("resnet10t", ("stride8",)), ""),
        (Shape("vgg16", ("relu2_1",)), ""),
        (Shape("squeezenet1_1", ("fire4",)), ""),
        (Shape(widths=(8, 12, 16)), ""),
    ],
    ids=lambda value: getattr(value, "encoder", ""),
)
def test_it_is_found_by_trying(shape, found):
    torch.manual_seed(0)
    assert looking_beyond(AdainNetwork(shape)) == found


def test_networks_without_an_encoder_look_as_far_as_they_say():
    assert looking_beyond(painter()) == ""


@pytest.mark.parametrize(("side", "times"), [(96, 1), (0, 0), (200, 0)])
def test_it_is_said_once_and_only_of_tiles(side, times, caplog):
    torch.manual_seed(0)
    network = AdainNetwork(POOLING)
    style = network.prepared([Wanted(picture=picture(1, 40, 40))])
    paint = Painter(network, tile=side)
    with caplog.at_level(logging.WARNING, "segue"):
        for seed in range(2):
            paint.paint(eight_bits(picture(seed, 60, 130)), style)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == times
    assert all("the encoder mobilenetv3_small_050 looks further than tiles overlap" in line for line in lines)


def test_a_painter_keeps_its_network_no_longer_than_itself():
    torch.manual_seed(0)
    network = AdainNetwork(POOLING)
    paint = Painter(network, tile=96)
    paint.paint(eight_bits(picture(0, 60, 130)), network.prepared([Wanted(picture=picture(1, 40, 40))]))
    gone = weakref.ref(network)
    del network, paint
    gc.collect()
    assert gone() is None
