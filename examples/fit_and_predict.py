"""Train on a folder of images and masks, then segment one image.

    python examples/fit_and_predict.py data/ new.jpg
    python examples/fit_and_predict.py data/ new.jpg --encoder resnet18 --weights resnet18.safetensors --steps 500

`data/` holds `images/` and `masks/`, or has any other layout that `segue fit` takes.
"""

import argparse

import segue
from segue.configs import ModelConfig


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data")
    parser.add_argument("image")
    parser.add_argument("--encoder", default=ModelConfig().encoder, help="chosen when not given")
    parser.add_argument("--weights", default=ModelConfig().weights)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--out")
    given = parser.parse_args()

    model = ModelConfig(encoder=given.encoder, weights=given.weights)
    fitted = segue.fit(given.data, out=given.out, steps=given.steps, model=model)
    print("\n".join(fitted.lines()))

    prediction = segue.load(fitted.run).predict(given.image)
    height, width = prediction.mask.shape
    print(f"{given.image}, {height} x {width} pixels:")
    for number, name in enumerate(prediction.classes.names):
        print(f"  {name:<16} {(prediction.mask == number).mean():6.1%}")


if __name__ == "__main__":
    main()
