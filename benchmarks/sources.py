"""Does the ranking of pretrained sources find the one that fine-tunes best? CamVid with 50 training images.

    python benchmarks/sources.py CAMVID BACKBONES --score --out sources.jsonl
    python benchmarks/sources.py CAMVID BACKBONES --fit --seeds 0 1 --part 1/2 --out sources.jsonl
    python benchmarks/sources.py --show sources.jsonl

BACKBONES is a folder with the weights of `FILES`; a network with random weights takes part as a control. `--score` is
what `segue plan` computes, `--fit` fine-tunes every source alike with `segue fit`. What stands in the file already is
not done again, so the command can be stopped and given again; `--part 1/2` takes every second training.
"""

import argparse
import os
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from canon import subset
from jobs import add_options, append, part_of, read, run_missing

IMAGES = 50  # to train on
STEPS, BATCH, SIZE = 125, 8, (160, 224)
FILES = {
    "MobileNetV2 ImageNet": ("mobilenetv2_100", "mobilenetv2_100_imagenet_timm.pth"),
    "MobileNetV2 birds (iNaturalist)": ("mobilenetv2_100", "mobilenetv2_100_inatbird965_timm_fp16.pth"),
    "MobileNetV2 VOC segmentation": ("mobilenetv2_100", "mobilenetv2_100_vocseg_timm_backbone_fp16.pth"),
    "ResNet-18 to layer3 ImageNet": ("resnet18@4", "resnet18_to_layer3_imagenet.pth"),
    "VGG-16 to relu3_3 ImageNet": ("vgg16@3", "vgg16_features0-14_torchvision_imagenetnorm.pth"),
}
CONTROL = "MobileNetV2 random"


def sources(backbones: Path, folder: Path) -> dict[str, tuple[str, Path]]:
    """Encoder and file of every source; the control's file is written to `folder`."""
    import torch
    from safetensors.torch import save_file

    from segue.models.encoders import create_encoder

    torch.manual_seed(0)
    path = folder / "random.safetensors"
    save_file(create_encoder("mobilenetv2_100").net.state_dict(), path)
    found = {name: (encoder, backbones / file) for name, (encoder, file) in FILES.items()}
    return {**found, CONTROL: ("mobilenetv2_100", path)}


def score(camvid: Path, backbones: Path, out: Path) -> None:
    """Append a row for each source that has none yet."""
    import torch

    from segue.configs import DataConfig, FitConfig, TrainConfig
    from segue.data.parallel import silent
    from segue.data.prepare import prepare
    from segue.planning import sources as planning
    from segue.planning.candidates import Candidate
    from segue.planning.pixels import draw_pixels
    from segue.train.resolve import preprocessing, resolve

    torch.set_num_threads(1)
    known = {row["name"] for row in read(out) if row["kind"] == "score"}
    with tempfile.TemporaryDirectory() as folder:
        root = subset(camvid, IMAGES, Path(folder) / "data")
        data = prepare((root,), DataConfig(), 0, silent)
        config = resolve(FitConfig((root,), train=TrainConfig(device="cpu")), data)
        clock = time.process_time()
        sample = draw_pixels(data, preprocessing(config, data, ""), 0)
        drawing = time.process_time() - clock
        for name, (encoder, path) in sources(backbones, Path(folder)).items():
            if name in known:
                continue
            clock = time.process_time()
            found = planning.score(Candidate(name, encoder, str(path), ""), data, config, sample, silent)
            row = {
                "kind": "score",
                "name": name,
                **found.scores,
                "probe": found.probe,
                "macs": found.macs,
                "pixels": len(sample),
                "images": len(sample.images),
                "cpu_seconds": round(time.process_time() - clock, 1),
                "drawing_cpu_seconds": round(drawing, 1),
            }
            append(out, row)


def train(name: str, seed: int, camvid: Path, backbones: Path) -> dict:
    """Fine-tune one source in a temporary folder; the row to write."""
    from segue.commands import fit
    from segue.configs import DataConfig, FitConfig, ModelConfig, OptimConfig, TrainConfig

    with tempfile.TemporaryDirectory() as folder:
        root = subset(camvid, IMAGES, Path(folder) / "data")
        encoder, path = sources(backbones, Path(folder))[name]
        config = FitConfig(
            paths=(root,),
            out=Path(folder) / "run",
            steps=STEPS,
            seed=seed,
            configure=False,
            data=DataConfig(size=SIZE, workers=0),
            model=ModelConfig(encoder=encoder, weights=str(path)),
            optim=OptimConfig(batch=BATCH),
            train=TrainConfig(threads=1, validations=2, patience=1),
        )
        clock = time.process_time()
        evaluation = fit.run(config).evaluation
        seconds = time.process_time() - clock
    row = {"kind": "fit", "name": name, "seed": seed, "miou": evaluation["miou"], "interval": evaluation["interval"]}
    return {**row, "cpu_seconds": round(seconds, 1), "steps": STEPS, "batch": BATCH, "size": SIZE}


def show(rows: list[dict]) -> str:
    """The ranking, what each source came to, and how far the first and the first three are from the best."""
    scores = {row["name"]: row for row in rows if row["kind"] == "score"}
    fits = {name: [row for row in rows if row["kind"] == "fit" and row["name"] == name] for name in scores}
    ranking = ranked(scores)
    text = [
        "| source | mean rank | LogME | GBC | H-score | probe mIoU | M MACs | CPU s | fine-tuned mIoU |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, rank in ranking.items():
        row = scores[name]
        values = [f"{row[key]:.3f}" for key in ("logme", "gbc", "hscore", "probe")]
        tuned = ", ".join(f"{one['miou']:.3f}" for one in fits[name]) or "–"
        cells = (name, f"{rank:g}", *values, f"{row['macs'] / 1e6:.0f}", f"{row['cpu_seconds']:.0f}", tuned)
        text.append(f"| {' | '.join(cells)} |")
    return "\n".join([*text, "", *(agreement(scores, fits, ranking) if all(fits.values()) else [])])


def ranked(scores: dict[str, dict]) -> dict[str, float]:
    """Sources with their mean rank, the best first, as `segue plan` orders them."""
    from segue.planning import sources as planning
    from segue.planning.candidates import Candidate

    keys = ("logme", "gbc", "hscore")
    scored = [
        planning.Scored(Candidate(name, "", "", ""), {key: row[key] for key in keys}, row["probe"], row["macs"], 0.0)
        for name, row in scores.items()
    ]
    ordered = planning.ranked(scored)
    margin = planning.margin(ordered)
    print(f"margin of the first: {'–' if margin is None else round(margin, 2)}; close: {planning.is_close(ordered)}\n")
    return {one.candidate.name: one.rank for one in ordered}


def agreement(scores: dict[str, dict], fits: dict[str, list[dict]], ranking: dict[str, float]) -> list[str]:
    """Regret, rank correlation and cost against fine-tuning every source."""
    from scipy.stats import spearmanr, weightedtau

    miou = {name: statistics.mean(row["miou"] for row in fits[name]) for name in ranking}
    best, names = max(miou.values()), list(ranking)
    orders = {
        "mean rank": [-ranking[name] for name in names],
        **{key: [scores[name][key] for name in names] for key in ("logme", "gbc", "hscore", "probe")},
    }
    text = ["| order by | regret of the first | of the first three | Spearman | weighted tau |", "| --- " * 5 + "|"]
    for key, values in orders.items():
        first = sorted(names, key=lambda name: -values[names.index(name)])
        regrets = [100 * (best - max(miou[name] for name in first[:count])) for count in (1, 3)]
        found = [spearmanr(values, list(miou.values()))[0], weightedtau(values, list(miou.values()))[0]]
        text.append(f"| {key} | {regrets[0]:.1f} | {regrets[1]:.1f} | {found[0]:.2f} | {found[1]:.2f} |")
    spent = sum(row["cpu_seconds"] for row in scores.values())
    whole = sum(statistics.mean(row["cpu_seconds"] for row in fits[name]) for name in ranking)
    return [*text, "", f"Scoring took {spent:.0f} CPU s, {spent / whole:.0%} of fine-tuning all of them once."]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("camvid", type=Path, nargs="?")
    parser.add_argument("backbones", type=Path, nargs="?")
    parser.add_argument("--score", action="store_true")
    parser.add_argument("--fit", action="store_true")
    add_options(parser, "sources.jsonl")
    given = parser.parse_args()
    if given.show:
        print(show(read(given.show)))
        return
    if given.score:
        score(given.camvid, given.backbones, given.out)
    if given.fit:
        wanted = part_of([(name, seed) for seed in given.seeds for name in (*FILES, CONTROL)], given.part)
        jobs = [((*job, "fit"), partial(train, *job, given.camvid, given.backbones)) for job in wanted]
        run_missing(jobs, given.out, lambda row: (row["name"], row.get("seed"), row["kind"]))


if __name__ == "__main__":
    main()
