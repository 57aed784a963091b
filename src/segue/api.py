"""The verbs as functions: same names and options as the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from segue.commands.bench import BenchResult
from segue.commands.bench import run as run_bench
from segue.commands.compare import CompareResult
from segue.commands.compare import run as run_compare
from segue.commands.convert import ConvertResult
from segue.commands.convert import run as run_convert
from segue.commands.doctor import Diagnosis
from segue.commands.doctor import run as run_doctor
from segue.commands.download import DownloadResult
from segue.commands.download import run as run_download
from segue.commands.evaluate import EvaluateResult
from segue.commands.evaluate import run as run_evaluate
from segue.commands.fit import FitResult
from segue.commands.fit import run as run_fit
from segue.commands.forecast import ForecastResult
from segue.commands.forecast import run as run_forecast
from segue.commands.lr_find import LrFindResult
from segue.commands.lr_find import run as run_lr_find
from segue.commands.plan import PlanResult
from segue.commands.plan import run as run_plan
from segue.commands.predict import PredictResult
from segue.commands.predict import run as run_predict
from segue.commands.review import ReviewResult
from segue.commands.review import run as run_review
from segue.commands.style_apply import StyleApplyResult
from segue.commands.style_apply import run as run_style_apply
from segue.commands.style_bank import StyleBankResult
from segue.commands.style_bank import run as run_style_bank
from segue.commands.style_evaluate import StyleEvaluateResult
from segue.commands.style_evaluate import run as run_style_evaluate
from segue.commands.style_export import StyleExportResult
from segue.commands.style_export import run as run_style_export
from segue.commands.style_inspect import StyleInspectResult
from segue.commands.style_inspect import run as run_style_inspect
from segue.commands.style_optimise import StyleOptimiseResult
from segue.commands.style_optimise import run as run_style_optimise
from segue.commands.style_train import StyleTrainResult
from segue.commands.style_train import run as run_style_train
from segue.commands.style_video import StyleVideoResult
from segue.commands.style_video import run as run_style_video
from segue.configs import (
    AugmentConfig,
    BenchConfig,
    CompareConfig,
    ConvertConfig,
    DataConfig,
    DoctorConfig,
    DownloadConfig,
    EvaluateConfig,
    FitConfig,
    ForecastConfig,
    LrFindConfig,
    ModelConfig,
    OptimConfig,
    PlanConfig,
    PredictConfig,
    ReviewConfig,
    TrainConfig,
    TransferConfig,
)
from segue.conversion import Groups
from segue.errors import UsageError
from segue.infer.segmenter import Segmenter
from segue.planning.file import with_plan
from segue.style_configs import (
    StyleApplyConfig,
    StyleBankConfig,
    StyleEvaluateConfig,
    StyleExportConfig,
    StyleInspectConfig,
    StyleOptimiseConfig,
    StyleTrainConfig,
    StyleVideoConfig,
)


def fit(  # noqa: PLR0913 - one argument per option of the command line
    *paths: str | Path,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    plan: str | Path | None = None,
    configure: bool = True,
    steps: int | None = None,
    minutes: float | None = None,
    folds: int = 1,
    seed: int = 0,
    data: DataConfig | None = None,
    model: ModelConfig | None = None,
    transfer: TransferConfig | None = None,
    optim: OptimConfig | None = None,
    augment: AugmentConfig | None = None,
    train: TrainConfig | None = None,
) -> FitResult:
    """Train a segmentation model on images and masks, evaluate it and write a report.

    Args:
        paths: one folder with images and masks in it, or an image folder and a mask folder.
        out: run folder; `runs/<data>-<n>` when not given.
        resume: run folder to continue exactly where it stopped; takes no other argument.
        plan: a `plan.yaml` of `segue.plan`; it decides what is left at its default here.
        configure: without a plan, decide what is left at its default from the data; False takes the fixed defaults.
        steps: training steps; computed from the data when not given.
        minutes: wall-clock budget instead of steps, evaluation included.
        folds: networks of a cross-validation, whose mean is the model; 1 holds out one part.
        seed: seed of everything random.
        data: layout, classes, crop size.
        model: encoder, decoder, pretrained weights.
        transfer: what of the pretrained weights is kept.
        optim: optimiser, schedule, loss.
        augment: random changes of the training images.
        train: device, precision, validation, stopping.

    Raises:
        SegueError: see `segue.errors`; the message says what was expected, what was found and what to do.
    """
    config = FitConfig(
        paths=_each(paths),
        out=_path(out),
        resume=_path(resume),
        configure=configure,
        steps=steps,
        minutes=minutes,
        folds=folds,
        seed=seed,
        data=data or DataConfig(),
        model=model or ModelConfig(),
        transfer=transfer or TransferConfig(),
        optim=optim or OptimConfig(),
        augment=augment or AugmentConfig(),
        train=train or TrainConfig(),
    )
    return run_fit(with_plan(config, Path(plan)) if plan is not None else config)


def plan(
    *paths: str | Path,
    out: str | Path = "plan",
    minutes: float = 10.0,
    device: str = "auto",
    sources: tuple[str, ...] = (),
    commercial: bool = False,
    max_ms: float | None = None,
    seed: int = 0,
    data: DataConfig | None = None,
) -> PlanResult:
    """Decide how to train on a data set, from its own pixels; `fit(plan=result.plan)` follows it.

    Args:
        paths: one folder with images and masks in it, or an image folder and a mask folder.
        out: folder fingerprint.json and plan.yaml are written to.
        minutes: the most it may take, short trainings of close sources included.
        device: where the plan will be trained: auto, cpu, cuda or mps.
        sources: pretrained weights to choose from; those on this machine when not given.
        commercial: only what is known to allow commercial use.
        max_ms: only encoders that take at most this many milliseconds for one image of 256x256 on one core.
        seed: seed of the split, the pixels drawn and the short trainings.
        data: layout, classes, crop size.
    """
    config = PlanConfig(
        paths=_each(paths),
        out=_given(out),
        minutes=minutes,
        device=device,
        sources=sources,
        commercial=commercial,
        max_ms=max_ms,
        seed=seed,
        data=data or DataConfig(),
    )
    return run_plan(config)


def lr_find(  # noqa: PLR0913 - one argument per option of the command line
    *paths: str | Path,
    out: str | Path = "lr-find",
    steps: int = 100,
    lowest: float = 1e-6,
    highest: float = 1.0,
    seed: int = 0,
    data: DataConfig | None = None,
    model: ModelConfig | None = None,
    transfer: TransferConfig | None = None,
    optim: OptimConfig | None = None,
    augment: AugmentConfig | None = None,
    train: TrainConfig | None = None,
) -> LrFindResult:
    """Try rising learning rates on a throwaway copy of the network; `result.suggestion.lr` is the one to begin with.

    Args:
        paths: one folder with images and masks in it, or an image folder and a mask folder.
        out: folder lr_find.json and lr_find.png are written to.
        steps: rates that are tried, one training step each.
        lowest: first rate of the decoder.
        highest: last rate of the decoder.
        seed: seed of everything random.
        data: layout, classes, crop size.
        model: encoder, decoder, pretrained weights.
        transfer: what of the pretrained weights is kept.
        optim: optimiser, batch, loss.
        augment: random changes of the training images.
        train: device, precision.
    """
    config = LrFindConfig(
        paths=_each(paths),
        out=_given(out),
        steps=steps,
        lowest=lowest,
        highest=highest,
        seed=seed,
        data=data or DataConfig(),
        model=model or ModelConfig(),
        transfer=transfer or TransferConfig(),
        optim=optim or OptimConfig(),
        augment=augment or AugmentConfig(),
        train=train or TrainConfig(),
    )
    return run_lr_find(config)


def bench(  # noqa: PLR0913 - one argument per option of the command line
    *paths: str | Path,
    out: str | Path | None = None,
    seconds: float = 60.0,
    configure: bool = True,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    data: DataConfig | None = None,
    model: ModelConfig | None = None,
    transfer: TransferConfig | None = None,
    optim: OptimConfig | None = None,
    augment: AugmentConfig | None = None,
    train: TrainConfig | None = None,
) -> BenchResult:
    """Measure how fast this machine reads, trains and predicts: `result.verdicts["training"].sentence`.

    Args:
        paths: one folder with images and masks in it, or an image folder and a mask folder; or a finished run, which is
            measured with its own options.
        out: file the figures are written to as JSON; nothing is written when not given.
        seconds: time to measure for.
        configure: decide what is left at its default from the data; False takes the fixed defaults.
        steps: training steps of the fit whose time is estimated; computed from the data when not given.
        minutes: wall-clock budget of that fit instead of steps.
        seed: seed of everything random.
        data: layout, classes, crop size, loader threads.
        model: encoder, decoder.
        transfer: what of the pretrained weights is kept.
        optim: optimiser, batch, loss.
        augment: random changes of the training images.
        train: device, precision, threads.
    """
    config = BenchConfig(
        paths=_each(paths),
        out=_path(out),
        seconds=seconds,
        configure=configure,
        steps=steps,
        minutes=minutes,
        seed=seed,
        data=data or DataConfig(),
        model=model or ModelConfig(),
        transfer=transfer or TransferConfig(),
        optim=optim or OptimConfig(),
        augment=augment or AugmentConfig(),
        train=train or TrainConfig(),
    )
    return run_bench(config)


def load(run: str | Path, device: str = "auto") -> Segmenter:
    """A trained model, ready to predict: `segue.load("runs/photos-1").predict("photo.jpg").mask`.

    Args:
        run: run folder, or its `model` folder, which is enough on its own.
        device: auto, cpu, cuda or mps.
    """
    return Segmenter.load(Path(run), device=device)


def evaluate(  # noqa: PLR0913 - one argument per option of the command line
    run: str | Path,
    *paths: str | Path,
    out: str | Path | None = None,
    split: str = "auto",
    format: str = "auto",
    mask_name: str = "",
    metrics: tuple[str, ...] = (),
    spacing: tuple[float, float] | None = None,
    tolerance: float | None = None,
    missed: str = "exclude",
    device: str = "auto",
) -> EvaluateResult:
    """Score a run on labelled images, with a 95 % interval.

    Args:
        run: run folder, or its `model` folder.
        paths: labelled data, in any layout `fit` takes.
        out: folder for evaluation.json, per_image.csv and report.html; nothing is written when not given.
        split: auto (val if there is one, else all), all, train, val or test.
        format: layout of the data on disk; auto looks at the folder.
        mask_name: file name of a mask without its ending, {stem} standing for the image's.
        metrics: further scores, rows of `segue.metrics.METRICS`.
        spacing: height and width of a pixel in the unit lengths are wanted in; pixels when not given.
        tolerance: length up to which contours agree (nsd) or are near (trimap_iou).
        missed: distance of a class that only one of truth and prediction has: exclude or diagonal.
        device: auto, cpu, cuda or mps.
    """
    config = EvaluateConfig(
        run=_given(run),
        paths=_each(paths),
        out=_path(out),
        split=split,
        format=format,
        mask_name=mask_name,
        metrics=metrics,
        spacing=spacing,
        tolerance=tolerance,
        missed=missed,
        device=device,
    )
    return run_evaluate(config)


def compare(
    run_a: str | Path,
    run_b: str | Path,
    *paths: str | Path,
    margin: float = 0.01,
    split: str = "auto",
    format: str = "auto",
    mask_name: str = "",
    device: str = "auto",
) -> CompareResult:
    """Say whether one of two runs is better on the same images: `result.comparison.answer`.

    Args:
        run_a: run folder, or a folder that `evaluate` wrote.
        run_b: the same of the other run.
        paths: labelled data to evaluate both on; their own evaluations are compared when not given.
        margin: smallest difference of the mIoU that matters.
        split: auto (val if there is one, else what neither was trained on), all, train, val or test.
        format: layout of the data on disk; auto looks at the folder.
        mask_name: file name of a mask without its ending, {stem} standing for the image's.
        device: auto, cpu, cuda or mps.
    """
    config = CompareConfig(
        run_a=_path(run_a),
        run_b=_path(run_b),
        paths=_each(paths),
        margin=margin,
        split=split,
        format=format,
        mask_name=mask_name,
        device=device,
    )
    return run_compare(config)


def forecast(
    run: str | Path,
    *,
    target: float | None = None,
    factor: float = 2.0,
    seeds: int = 1,
    out: str | Path | None = None,
) -> ForecastResult:
    """Train on a quarter and a half of a run's images, and say what more labelled images would bring.

    Args:
        run: run folder of a finished `fit`.
        target: mIoU that is wanted.
        factor: how many times the labelled images there are to forecast for.
        seeds: trainings of each size.
        out: folder of the smaller trainings and forecast.json; `run`/forecast when not given.
    """
    folder = _path(out)
    return run_forecast(ForecastConfig(run=_given(run), target=target, factor=factor, seeds=seeds, out=folder))


def predict(  # noqa: PLR0913 - one argument per option of the command line
    run: str | Path,
    *paths: str | Path,
    out: str | Path = "predictions",
    overlay: bool = True,
    probabilities: bool = False,
    uncertainty: bool = False,
    review: str = "",
    abstain: bool = False,
    tile: int | None = None,
    device: str = "auto",
) -> PredictResult:
    """Segment images of any size and write index masks, overlays and what else is asked for.

    Args:
        run: run folder, or its `model` folder.
        paths: image files, folders and globs.
        out: folder the results are written to.
        overlay: also write the image with the classes painted over it.
        probabilities: also write the calibrated class probabilities (float16 .npz, classes x height x width).
        uncertainty: also write how unsure each pixel is, and a score for each image to predictions.csv.
        review: class whose pixels to look at are marked, at the threshold that `review` found.
        abstain: write nothing for an image unlike the training images; `result.images` says which.
        tile: side in pixels past which an image is cut into tiles; chosen when not given.
        device: auto, cpu, cuda or mps.
    """
    config = PredictConfig(
        run=_given(run),
        paths=_each(paths),
        out=_given(out),
        overlay=overlay,
        probabilities=probabilities,
        uncertainty=uncertainty,
        review=review,
        abstain=abstain,
        tile=tile,
        device=device,
    )
    return run_predict(config)


def review(
    run: str | Path,
    *paths: str | Path,
    classes: tuple[str, ...] = (),
    risk: float = 0.1,
    unit: str = "auto",
    split: str = "auto",
    device: str = "auto",
) -> ReviewResult:
    """Find the pixels to look at so that no more of a class is missed than `risk` allows; writes it into the model.

    Args:
        run: run folder, or its `model` folder.
        paths: labelled data that the run was not trained on, in any layout `fit` takes.
        classes: names of classes; all when not given.
        risk: share of a class that may be missed, on average over new images.
        unit: what counts as one independent draw: auto, images or groups.
        split: auto (val if there is one, else all), all, val or test.
        device: auto, cpu, cuda or mps.
    """
    config = ReviewConfig(
        run=_given(run),
        paths=_each(paths),
        classes=classes,
        risk=risk,
        unit=unit,
        split=split,
        device=device,
    )
    return run_review(config)


def style_optimise(  # noqa: PLR0913 - one argument per option of the command line
    content: str | Path,
    *styles: str | Path,
    out: str | Path = "stylised.png",
    preset: str = "gatys",
    network: str = "",
    weights: str = "hub",
    content_taps: tuple[str, ...] = (),
    style_taps: tuple[str, ...] = (),
    tap_weights: tuple[float, ...] = (),
    content_weight: float | None = None,
    style_weight: float | None = None,
    tv_weight: float | None = None,
    statistic: str = "gram",
    text: str = "",
    clip: str | Path = "",
    text_weight: float = 1.0,
    patches: int = 64,
    canvas: str = "auto",
    blend: tuple[float, ...] = (),
    style_scale: float = 1.0,
    keep_colours: str = "none",
    content_mask: str | Path | None = None,
    style_mask: tuple[str | Path, ...] = (),
    by_class: Mapping[str, str | Path] | None = None,
    segmenter: str | Path | None = None,
    feather: float = 0.01,
    size: int | None = None,
    levels: int | None = None,
    steps: tuple[int, ...] = (),
    seconds: float | None = None,
    init: str = "content",
    optimizer: str = "adam",
    lr: float | None = None,
    seed: int = 0,
    licences: tuple[str, ...] = (),
    watermark: bool = True,
    c2pa: str | Path | None = None,
    c2pa_key: str | Path | None = None,
    preview: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
) -> StyleOptimiseResult:
    """Paint a picture in the style of others by optimising its pixels; `result.out` is the picture.

    Args:
        content: picture to paint.
        styles: pictures whose style it gets, or "bank:NAME" for one of the bank.
        out: picture that is written, .png or .jpg.
        preset: network, taps and weights that go together, a row of `segue.style.presets.PRESETS`.
        network: loss network; the preset's when not given.
        weights: its pretrained weights: "hub" or a file.
        content_taps: taps compared with the content; the preset's when not given.
        style_taps: taps compared with the styles; the preset's when not given.
        tap_weights: weight of each style tap; all alike when not given.
        content_weight: weight of the content loss; the preset's when not given.
        style_weight: weight of the style loss; the preset's when not given.
        tv_weight: weight of the total variation; the preset's when not given.
        statistic: what a style is: gram or moments.
        text: words for the style instead of pictures: CLIP follows them, or they find a style of the bank.
        clip: CLIP network that judges the text: a folder with safetensors, or "hf:OWNER/NAME".
        text_weight: how strong the text is beside the content, with `clip`; 1 is as published.
        patches: patches of the picture that CLIP looks at in a step; fewer take less time.
        canvas: what is optimised with `clip`: pixels, or unet, the weights of a small network; auto takes unet.
        blend: share of each style.
        style_scale: long side of the styles as a share of the result's.
        keep_colours: none, luminance or coral.
        content_mask: regions of the content, a grey or index image of its size.
        style_mask: regions of the styles, a mask for each of them.
        by_class: style of each class, `{"sky": "starry.jpg", "person": "keep"}`, in place of styles.
        segmenter: run or model folder that finds the classes; without one they are the values of `content_mask`.
        feather: width of the fade beside what is kept, as a share of the result's long side.
        size: long side of the result in pixels; the content's, at most 512, when not given.
        levels: sizes from coarse to fine, each half the next; down to 128 pixels when not given.
        steps: steps in all, or of each size from coarse to fine.
        seconds: wall-clock budget, instead of steps.
        init: what the first size begins with: content or noise.
        optimizer: adam or lbfgs.
        lr: step size; 0.02 for adam and 1 for lbfgs when not given.
        seed: seed of the noise.
        licences: licence of each style, for the record in the picture.
        watermark: put an invisible watermark into the picture.
        c2pa: certificates (PEM) that sign it as C2PA content credentials.
        c2pa_key: private key (PEM) of the first of them.
        preview: picture that shows the state, written every few seconds.
        device: auto, cpu, cuda or mps.
        precision: number format of the network: auto, fp32 or bf16.
        threads: CPU threads.
    """
    config = StyleOptimiseConfig(
        content=_path(content),
        styles=_each(styles),
        out=_given(out),
        preset=preset,
        network=network,
        weights=weights,
        content_taps=content_taps,
        style_taps=style_taps,
        tap_weights=tap_weights,
        content_weight=content_weight,
        style_weight=style_weight,
        tv_weight=tv_weight,
        statistic=statistic,
        text=text,
        clip=str(clip),
        text_weight=text_weight,
        patches=patches,
        canvas=canvas,
        blend=blend,
        style_scale=style_scale,
        keep_colours=keep_colours,
        content_mask=_path(content_mask),
        style_mask=_each(style_mask),
        by_class=tuple(f"{name}={style}" for name, style in (by_class or {}).items()),
        segmenter=_path(segmenter),
        feather=feather,
        size=size,
        levels=levels,
        steps=steps,
        seconds=seconds,
        init=init,
        optimizer=optimizer,
        lr=lr,
        seed=seed,
        licences=licences,
        watermark=watermark,
        c2pa=_path(c2pa),
        c2pa_key=_path(c2pa_key),
        preview=_path(preview),
        device=device,
        precision=precision,
        threads=threads,
    )
    return run_style_optimise(config)


def style_bank(out: str | Path, *, styles: tuple[str, ...] = (), size: int = 512, seed: int = 0) -> StyleBankResult:
    """Write the named styles of the bank as PNG files, and say which; they are CC0-1.0.

    Args:
        out: folder the pictures are written to, as NAME.png.
        styles: which styles; all when not given.
        size: side of the square pictures in pixels.
        seed: another number draws other forms in the same style.
    """
    return run_style_bank(StyleBankConfig(out=_path(out), styles=styles, size=size, seed=seed))


def style_train(  # noqa: PLR0913 - one argument per option of the command line
    photos: str | Path | None = None,
    *styles: str | Path,
    more_photos: tuple[str | Path, ...] = (),
    out: str | Path | None = None,
    resume: str | Path | None = None,
    add_to: str | Path | None = None,
    method: str = "cin",
    text: str = "",
    clip: str | Path = "",
    base: str | Path | None = None,
    text_weight: float = 1.0,
    patches: int = 16,
    encoder: str = "own",
    predictor: str = "mobilenetv2_100@4",
    predictor_weights: str = "hub",
    width: float = 0.5,
    size: int = 256,
    style_size: int = 512,
    steps: int | None = None,
    minutes: float | None = None,
    batch: int = 4,
    lr: float | None = None,
    preset: str = "squeezenet",
    network: str = "",
    weights: str = "hub",
    content_taps: tuple[str, ...] = (),
    style_taps: tuple[str, ...] = (),
    tap_weights: tuple[float, ...] = (),
    content_weight: float | None = None,
    style_weight: float | None = None,
    tv_weight: float | None = None,
    licences: tuple[str, ...] = (),
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    checkpoint_every: int | None = None,
) -> StyleTrainResult:
    """Train a network that paints any photo in one pass; `result.run` is what `style_apply` takes as its model.

    Args:
        photos: folder of photos to learn on.
        styles: pictures whose styles it learns, folders of such, or "bank:NAME" for one of the bank.
        more_photos: further folders of photos.
        out: run folder; `runs/<photos>-<n>` when not given.
        resume: run folder to continue exactly where it stopped; takes no other argument.
        add_to: run whose network learns the styles besides those it knows.
        method: kind of network, a row of `segue.train.style_methods.METHODS`; `text` takes its own by itself, and
            all others but cin take any style as a picture.
        text: words for the style instead of pictures, which `clip` judges: the decoder of `base` is trained further.
        clip: CLIP network that judges the text: a folder with safetensors, or "hf:OWNER/NAME".
        base: run or model folder of kind adain or text that a text begins with; our own when not given.
        text_weight: how strong the text is beside the content; 1 is as published.
        patches: slanted views of each crop that CLIP looks at in a step.
        encoder: of adain, sanet and adaattn: own, or loss for the loss network itself.
        predictor: of method predict: encoder that looks at a style.
        predictor_weights: its pretrained weights: "hub", "none" for random ones, or a file.
        width: channels of the network as a share of Johnson's.
        size: side of the crops in pixels.
        style_size: long side in pixels at which styles are looked at.
        steps: training steps.
        minutes: wall-clock budget instead of steps.
        batch: crops per step.
        lr: highest step size of Adam.
        preset: loss network, taps and weights, a row of `segue.style.presets.TRAIN_PRESETS`.
        network: loss network; the preset's when not given.
        weights: the loss network's pretrained weights: "hub" or a file.
        content_taps: taps compared with the photo; the preset's when not given.
        style_taps: taps compared with the styles; the preset's when not given.
        tap_weights: weight of each style tap; all alike when not given.
        content_weight: weight of the content loss; the preset's when not given.
        style_weight: weight of the style loss; the preset's when not given.
        tv_weight: weight of the total variation; the preset's when not given.
        licences: licence of each style.
        seed: seed of everything random.
        device: auto, cpu, cuda or mps.
        precision: number format of the forward pass: auto, fp32 or bf16.
        threads: CPU threads.
        checkpoint_every: steps between two resume points; a twentieth of the run when not given.
    """
    config = StyleTrainConfig(
        photos=_path(photos),
        styles=_each(styles),
        more_photos=_each(more_photos),
        out=_path(out),
        resume=_path(resume),
        add_to=_path(add_to),
        method=method,
        text=text,
        clip=str(clip),
        base=_path(base),
        text_weight=text_weight,
        patches=patches,
        encoder=encoder,
        predictor=predictor,
        predictor_weights=predictor_weights,
        width=width,
        size=size,
        style_size=style_size,
        steps=steps,
        minutes=minutes,
        batch=batch,
        lr=lr,
        preset=preset,
        network=network,
        weights=weights,
        content_taps=content_taps,
        style_taps=style_taps,
        tap_weights=tap_weights,
        content_weight=content_weight,
        style_weight=style_weight,
        tv_weight=tv_weight,
        licences=licences,
        seed=seed,
        device=device,
        precision=precision,
        threads=threads,
        checkpoint_every=checkpoint_every,
    )
    return run_style_train(config)


def style_apply(  # noqa: PLR0913 - as above
    *pictures: str | Path,
    model: str | Path | None = None,
    style: str | Path | Sequence[str | Path] = (),
    style_size: int | None = None,
    text: str = "",
    by_class: Mapping[str, str | Path] | None = None,
    segmenter: str | Path | None = None,
    masks: str | Path | None = None,
    feather: float = 0.01,
    blend: tuple[float, ...] = (),
    strength: float = 1.0,
    keep_colours: str = "none",
    out: str | Path = "stylised",
    size: int | None = None,
    tile: int | None = None,
    licences: tuple[str, ...] = (),
    watermark: bool = True,
    c2pa: str | Path | None = None,
    c2pa_key: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
) -> StyleApplyResult:
    """Paint pictures with a trained network; `result.painted` says where they are.

    Args:
        pictures: image files, folders and globs.
        model: run of `style_train`, or its `model` folder; the network for any style that ships, when not given.
        style: styles to paint in: pictures, or names of a network that knows its styles.
        style_size: long side in pixels at which pictures given as styles are looked at.
        text: words for the style instead, which find one of the bank.
        by_class: style of each class, `{"sky": "starry.jpg", "person": "keep"}`, instead.
        segmenter: run or model folder that finds the classes.
        masks: where the classes are instead, by their values: a mask, or a folder of masks named as the pictures.
        feather: width of the fade beside what is kept, as a share of the picture's long side.
        blend: share of each style.
        strength: how far from the photo (0) to the painting (1).
        keep_colours: none or luminance.
        out: folder the results are written to, or a picture for a single one.
        size: long side to which pictures are resized first.
        tile: side in pixels past which a picture is painted in tiles; 0 never does.
        licences: licence of each style.
        watermark: put an invisible watermark into the pictures.
        c2pa: certificates (PEM) that sign them as C2PA content credentials.
        c2pa_key: private key (PEM) of the first of them.
        device: auto, cpu, cuda or mps.
        precision: number format of the network: auto, fp32 or bf16.
        threads: CPU threads.
    """
    config = StyleApplyConfig(
        pictures=_each(pictures),
        model=_path(model),
        style=_names(style),
        style_size=style_size,
        text=text,
        by_class=tuple(f"{name}={one}" for name, one in (by_class or {}).items()),
        segmenter=_path(segmenter),
        masks=_path(masks),
        feather=feather,
        blend=blend,
        strength=strength,
        keep_colours=keep_colours,
        out=_given(out),
        size=size,
        tile=tile,
        licences=licences,
        watermark=watermark,
        c2pa=_path(c2pa),
        c2pa_key=_path(c2pa_key),
        device=device,
        precision=precision,
        threads=threads,
    )
    return run_style_apply(config)


def style_export(  # noqa: PLR0913 - as above
    model: str | Path | None = None,
    *,
    out: str | Path = "style.onnx",
    style: str | Path | Sequence[str | Path] = (),
    style_size: int | None = None,
    blend: tuple[float, ...] = (),
    licences: tuple[str, ...] = (),
    strength: float = 1.0,
    free_strength: bool = False,
    calibrate: str | Path | None = None,
    photos: int = 48,
    size: int = 256,
    runs: int = 30,
    threads: int | None = None,
    lpips_weights: str | Path | None = None,
    lpips_backbone: str = "hub",
) -> StyleExportResult:
    """Write a trained network as ONNX and in 8 bits; `result.report` holds how near and how fast they are here.

    Args:
        model: run of `style_train`, or its `model` folder; the network for any style that ships, when not given.
        out: file that is written; NAME.int8.onnx and the report NAME.json lie beside NAME.onnx.
        style: styles that are fixed in the graph, pictures or names the network knows; an input when not given.
        style_size: long side in pixels at which pictures given as styles are looked at.
        blend: share of each of these styles.
        licences: licence of each of these styles.
        strength: strength that is fixed in the graph.
        free_strength: make the strength an input instead.
        calibrate: folder of photos that set the ranges of 8 bits; without it there is no INT8.
        photos: photos of it that are looked at, at most.
        size: long side in pixels of these photos, and side of the square that is timed.
        runs: pictures that each form is timed on; 0 times nothing.
        threads: CPU threads that are timed.
        lpips_weights: file of the LPIPS weights for SqueezeNet.
        lpips_backbone: weights of the SqueezeNet 1.1 below LPIPS: "hub" or a file.
    """
    config = StyleExportConfig(
        model=_path(model),
        out=_given(out),
        style=_names(style),
        style_size=style_size,
        blend=blend,
        licences=licences,
        strength=strength,
        free_strength=free_strength,
        calibrate=_path(calibrate),
        photos=photos,
        size=size,
        runs=runs,
        threads=threads,
        lpips_weights=_path(lpips_weights),
        lpips_backbone=lpips_backbone,
    )
    return run_style_export(config)


def style_video(  # noqa: PLR0913 - as above
    clip: str | Path,
    *,
    model: str | Path | None = None,
    style: str | Path | Sequence[str | Path] = (),
    text: str = "",
    style_size: int | None = None,
    blend: tuple[float, ...] = (),
    strength: float = 1.0,
    keep_colours: str = "none",
    out: str | Path | None = None,
    statistics: str = "clip",
    samples: int = 16,
    stability: int = 4,
    rate: float | None = None,
    quality: int = 18,
    size: int | None = None,
    tile: int | None = None,
    licences: tuple[str, ...] = (),
    watermark: bool = True,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
) -> StyleVideoResult:
    """Paint a clip with a trained network; `result.steadiness` says how steady it came out.

    Args:
        clip: video file, or folder of numbered frames.
        model: as for `style_apply`.
        style: as for `style_apply`.
        text: words for the style instead, which find one of the bank.
        style_size: long side in pixels at which pictures given as styles are looked at.
        blend: share of each style.
        strength: how far from the clip (0) to the painting (1).
        keep_colours: none or luminance.
        out: video that is written, or a folder for frames; `stylised.mp4` or `stylised` when not given.
        statistics: what frames are normalised by: clip, scene or frame.
        samples: frames that a set of statistics is measured on, at least.
        stability: places of the clip at which stability is measured; 0 for none.
        rate: frames in a second of a video made of numbered frames; 25 when not given.
        quality: constant rate factor of the video; lower is better and larger.
        size: long side to which frames are resized first.
        tile: side in pixels past which a frame is painted in tiles; 0 never does.
        licences: licence of each style.
        watermark: put an invisible watermark into every frame.
        device: auto, cpu, cuda or mps.
        precision: number format of the network: auto, fp32 or bf16.
        threads: CPU threads.
    """
    config = StyleVideoConfig(
        clip=_path(clip),
        model=_path(model),
        style=_names(style),
        text=text,
        style_size=style_size,
        blend=blend,
        strength=strength,
        keep_colours=keep_colours,
        out=_path(out),
        statistics=statistics,
        samples=samples,
        stability=stability,
        rate=rate,
        quality=quality,
        size=size,
        tile=tile,
        licences=licences,
        watermark=watermark,
        device=device,
        precision=precision,
        threads=threads,
    )
    return run_style_video(config)


def style_evaluate(  # noqa: PLR0913 - one argument per option of the command line
    contents: str | Path,
    styles: str | Path,
    *results: str | Path,
    out: str | Path = "style-evaluation",
    methods: tuple[str, ...] = ("identity", "style", "colour", "fda"),
    model: tuple[str | Path, ...] = (),
    strengths: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0),
    against: str = "",
    gatys_preset: str = "gatys",
    gatys_weights: str = "hub",
    gatys_steps: int = 300,
    judges: tuple[str, ...] = ("mobilenetv2_100", "resnet18"),
    lpips_weights: str | Path | None = None,
    lpips_backbone: str = "hub",
    segmenter: str | Path | None = None,
    masks: str | Path | None = None,
    keep_mask: str | Path | None = None,
    size: int = 256,
    pairs: int | None = None,
    stability: int = 4,
    seed: int = 0,
    device: str = "auto",
) -> StyleEvaluateResult:
    """Judge stylised pictures by content, style, stability and cost, beside baselines; `result.summary` is the table.

    Args:
        contents: folder of the pictures that were painted, or one picture.
        styles: folder of the styles, one picture, or "bank:NAME,NAME".
        results: folders of results, one for each method, their pictures named CONTENT--STYLE.png.
        out: folder for the report, the tables and what was painted.
        methods: what is painted here and judged, too: identity, style, colour, fda, gatys.
        model: runs of `style_train` that paint here and are judged, too.
        strengths: strengths each model paints with.
        against: method the others are compared with; gatys, else the first, when not given.
        gatys_preset: network, taps and weights that gatys paints with.
        gatys_weights: pretrained weights of that network: "hub" or a file.
        gatys_steps: steps of gatys for each picture.
        judges: networks that judge, as "resnet18" (weights from the hub) or "resnet18=FILE".
        lpips_weights: file of the LPIPS weights for SqueezeNet.
        lpips_backbone: weights of the SqueezeNet 1.1 below LPIPS: "hub" or a file.
        segmenter: run whose predictions on result and content are compared.
        masks: folder of labels, named as the contents.
        keep_mask: folder of masks, named as the contents, of what had to stay.
        size: long side in pixels at which everything is painted and compared.
        pairs: pairs of content and style that are drawn; all when not given.
        stability: pairs on which stability is measured.
        seed: seed of the pairs, the noise and the intervals.
        device: auto, cpu, cuda or mps.
    """
    config = StyleEvaluateConfig(
        contents=_path(contents),
        styles=_path(styles),
        results=_each(results),
        out=_given(out),
        methods=methods,
        model=_each(model),
        strengths=strengths,
        against=against,
        gatys_preset=gatys_preset,
        gatys_weights=gatys_weights,
        gatys_steps=gatys_steps,
        judges=judges,
        lpips_weights=_path(lpips_weights),
        lpips_backbone=lpips_backbone,
        segmenter=_path(segmenter),
        masks=_path(masks),
        keep_mask=_path(keep_mask),
        size=size,
        pairs=pairs,
        stability=stability,
        seed=seed,
        device=device,
    )
    return run_style_evaluate(config)


def style_inspect(image: str | Path) -> StyleInspectResult:
    """Read the record and the watermark of a picture; `result.lines()` says what they tell.

    Args:
        image: PNG, JPEG, WebP, TIFF or BMP.
    """
    return run_style_inspect(StyleInspectConfig(_path(image)))


def doctor(
    *paths: str | Path,
    fix: str | Path | None = None,
    format: str = "auto",
    mask_name: str = "",
    ignore: tuple[int, ...] = (),
) -> Diagnosis:
    """Find every problem of a data set before training, and with `fix` write a repaired copy there.

    Args:
        paths: one folder with images and masks in it, or an image folder and a mask folder.
        fix: folder for the repaired copy; the data itself is never changed.
        format: layout of the data on disk; auto looks at the folder.
        mask_name: file name of a mask without its ending, {stem} standing for the image's.
        ignore: mask values that stand for "not labelled" (255 always does).
    """
    folder = _path(fix)
    labelled = _each(paths)
    return run_doctor(DoctorConfig(paths=labelled, fix=folder, format=format, mask_name=mask_name, ignore=ignore))


def convert(
    *paths: str | Path,
    to: str,
    format: str = "auto",
    mask_name: str = "",
    names: tuple[str, ...] = (),
    merge: Mapping[str, Sequence[str]] | None = None,
    val_fraction: float | None = None,
) -> ConvertResult:
    """Write a data set in another layout.

    Args:
        paths: the data (one folder, or an image folder and a mask folder), and last the new folder.
        to: layout to write, such as "coco".
        format: layout of the data on disk; auto looks at the folder.
        mask_name: file name of a mask without its ending, {stem} standing for the image's.
        names: class names, in the order of the mask values.
        merge: new class names, each with those it replaces; `ignore` makes them unlabelled.
        val_fraction: share to hold out as val where the data has no split.
    """
    groups = Groups((new, tuple(olds)) for new, olds in (merge or {}).items())
    config = ConvertConfig(
        paths=_each(paths),
        to=to,
        format=format,
        mask_name=mask_name,
        names=names,
        merge=groups,
        val_fraction=val_fraction,
    )
    return run_convert(config)


def download(name: str, *, out: str | Path | None = None, keep: bool = False) -> DownloadResult:
    """Fetch a public data set, or say how to get it where its terms ask for more than a download.

    Args:
        name: which one, such as "voc2012".
        out: folder it is unpacked to; `data/<name>` when not given.
        keep: keep the archives in the cache after unpacking them.
    """
    return run_download(DownloadConfig(name=name, out=_path(out), keep=keep))


def _path(given: str | Path | None) -> Path | None:
    """The path, and none for an empty text, which `Path` would take for the folder the program is in."""
    return None if given is None or given == "" else _given(given)


def _given(path: str | Path) -> Path:
    """The path; raises `UsageError` for an empty text, as the command line does, and for one that no file can have."""
    if path == "" or "\0" in str(path):
        raise UsageError(f"expected a path, got {str(path)!r}")
    return Path(path)


def _each(paths: Iterable[str | Path]) -> tuple[Path, ...]:
    return tuple(map(_given, paths))


def _names(given: str | Path | Sequence[str | Path]) -> tuple[str, ...]:
    """One style or several, as names; none for an empty text."""
    names = tuple(map(str, given if isinstance(given, tuple | list) else (given,)))
    return () if names == ("",) else names
