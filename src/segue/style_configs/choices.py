"""What some options of `segue style` may be: names, and endings of files."""

STYLE_PRESETS = ("gatys", "gatys5", "vgg16-relu3", "strides")
STYLE_TRAIN_PRESETS = ("squeezenet", "vgg16-relu3", "vgg16")
STYLE_METHODS = ("cin", "adain", "sanet", "adaattn", "predict", "text")
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg")
VIDEO_ENDINGS = (".mp4", ".mov", ".mkv")  # that are written
BASELINES = ("identity", "style", "colour", "fda", "gatys")
