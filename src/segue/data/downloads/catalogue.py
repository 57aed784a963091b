"""The public data sets `segue download` knows: what they are, their terms, their files or the way to them.

A set is fetched where its makers offer it without registration. The checksums are those the makers or widely used
libraries state: torchvision for VOC and the pets, fast.ai for CamVid; COCO's are quoted by several independent readers.
"""

from __future__ import annotations

from dataclasses import dataclass

from segue.errors import UsageError
from segue.table import did_you_mean


@dataclass(frozen=True)
class Archive:
    """One file to fetch: the places it lies at, the first preferred, and its MD5."""

    urls: tuple[str, ...]
    md5: str

    @property
    def name(self) -> str:
        """What it is called."""
        return self.urls[0].rpartition("/")[2]


@dataclass(frozen=True)
class DataSet:
    """A public data set.

    `archives` are empty where the terms ask for registration or consent: then `steps` say how to get it. `use` is the
    command line that trains on it, `{out}` standing for the folder it was unpacked to.
    """

    about: str
    terms: str
    page: str
    gigabytes: float
    use: str
    archives: tuple[Archive, ...] = ()
    steps: tuple[str, ...] = ()


_VOC = "pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar"
_PETS = "https://www.robots.ox.ac.uk/~vgg/data/pets/data"
_COCO = "http://images.cocodataset.org"  # which has no certificate of its own; the checksum tells the files

CATALOGUE: dict[str, DataSet] = {
    "voc2012": DataSet(
        about="Pascal VOC 2012, 20 objects: 2913 images with masks in train and val",
        terms="photographs from Flickr under Flickr's terms of use; no licence of the annotations is stated; cite the "
        "VOC 2012 results page",
        page="http://host.robots.ox.ac.uk/pascal/VOC/voc2012/",
        gigabytes=2.0,
        use="segue fit {out}/VOCdevkit/VOC2012",
        archives=(
            Archive(
                (f"https://thor.robots.ox.ac.uk/{_VOC}", f"http://host.robots.ox.ac.uk/{_VOC}"),
                "6cd6e144f989b92b3379bac3b3de84fd",
            ),
        ),
    ),
    "camvid": DataSet(
        about="CamVid, street video from a car, 31 classes: 701 frames of 960x720 (fast.ai's copy)",
        terms="offered by its authors for research, no licence is stated; cite Brostow 2008 and 2009",
        page="http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/",
        gigabytes=0.6,
        use="segue fit {out}/camvid --data.palette camvid",
        archives=(
            Archive(("https://s3.amazonaws.com/fast-ai-imagelocal/camvid.tgz",), "648371e4f3a833682afb39b08a3ce2aa"),
        ),
    ),
    "pets": DataSet(
        about="Oxford-IIIT Pet, cats and dogs cut out: 7390 images, pet or background, borders not labelled",
        terms="CC BY-SA 4.0; the photographs' copyright remains with their owners; cite Parkhi 2012",
        page="https://www.robots.ox.ac.uk/~vgg/data/pets/",
        gigabytes=0.8,
        use="segue fit {out}/images {out}/annotations/trimaps --data.names pet,background --data.ignore 3",
        archives=(
            Archive((f"{_PETS}/images.tar.gz",), "5c4f3ee8e5d25df40f4fd59a7f44e54c"),
            Archive((f"{_PETS}/annotations.tar.gz",), "95a8c909bbe2e81eed6a22bccdf3f68f"),
        ),
    ),
    "coco2017": DataSet(
        about="COCO 2017, 80 objects outlined: 118 287 images to train on, 5000 to validate with",
        terms="annotations CC BY 4.0; photographs from Flickr, each under its own licence; cite Lin 2014",
        page="https://cocodataset.org/#termsofuse",
        gigabytes=20.3,
        use="segue fit {out}",
        archives=(
            Archive((f"{_COCO}/annotations/annotations_trainval2017.zip",), "f4bbac642086de4f52a3fdda2de5fa2c"),
            Archive((f"{_COCO}/zips/val2017.zip",), "442b8da7639aecaf257c1dceb8ba8c80"),
            Archive((f"{_COCO}/zips/train2017.zip",), "cced6f7f71b7629ddf16f17bbcfab6b2"),
        ),
    ),
    "cityscapes": DataSet(
        about="Cityscapes, streets of 50 cities, 19 classes: 3475 images of 2048x1024 with fine masks",
        terms="its own licence, non-commercial, after registration: it may not be passed on, so not fetched from here",
        page="https://www.cityscapes-dataset.com/downloads/",
        gigabytes=11.8,
        use="segue fit {out}",
        steps=(
            "register at https://www.cityscapes-dataset.com/register/ and accept the licence",
            "download leftImg8bit_trainvaltest.zip (11 GB) and gtFine_trainvaltest.zip (241 MB)",
            "unpack both into {out}: it then holds leftImg8bit/ and gtFine/",
        ),
    ),
    "ade20k": DataSet(
        about="ADE20K Scene Parsing, indoors and outdoors, 150 classes: 22 210 images",
        terms="images for non-commercial research and education, after accepting the terms; annotations BSD-3-Clause",
        page="https://groups.csail.mit.edu/vision/datasets/ADE20K/terms/",
        gigabytes=1.0,
        use="segue fit {out}",
        steps=(
            "read and accept the terms at https://groups.csail.mit.edu/vision/datasets/ADE20K/terms/",
            "download ADEChallengeData2016.zip from http://sceneparsing.csail.mit.edu (scene parsing train/val)",
            "unpack it and give its folder ADEChallengeData2016, which holds images/ and annotations/, as {out}",
        ),
    ),
    "coco_stuff": DataSet(
        about="COCO-Stuff, 171 things and stuffs on the images of COCO 2017",
        terms="annotations CC BY 4.0; photographs from Flickr, each under its own licence; no checksum is published",
        page="https://github.com/nightrome/cocostuff#downloads",
        gigabytes=19.9,
        use="segue fit {out}",
        steps=(
            "download train2017.zip, val2017.zip and stuffthingmaps_trainval2017.zip from the page",
            "unpack the images into {out}/images and the maps into {out}/annotations",
        ),
    ),
}


def data_set(name: str) -> DataSet:
    """The data set called `name`; raises `UsageError` with the nearest names when there is none."""
    if name not in CATALOGUE:
        raise UsageError(f"unknown data set {name!r}: {did_you_mean(name, list(CATALOGUE))}")
    return CATALOGUE[name]
