"""Carry a trained model over to a new data set: encoder, decoder, and every class that keeps its name.

python examples/reuse_a_run.py runs/streets-1 more/ --names road,car,bicycle --steps 500
"""

import argparse
import json

import segue
from segue.configs import DataConfig, ModelConfig


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run")
    parser.add_argument("data")
    parser.add_argument("--names", default="")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--out")
    given = parser.parse_args()

    spec = segue.load(given.run, device="cpu").info.spec
    fitted = segue.fit(
        given.data,
        out=given.out,
        steps=given.steps,
        data=DataConfig(names=tuple(filter(None, given.names.split(",")))),
        model=ModelConfig(encoder=spec.encoder, decoder=spec.decoder, weights=given.run),
    )
    print(json.loads((fitted.run / "weights.json").read_text(encoding="utf-8"))["summary"])
    print("\n".join(fitted.lines()))


if __name__ == "__main__":
    main()
