"""The reference for what is possible without counting time: the picture's own pixels, optimised (`style optimise`)."""

from __future__ import annotations

from segue.style.evaluation.measures import GATYS
from segue.style.evaluation.methods import Method, Picture, Tell
from segue.style.loss_network import LossNetwork
from segue.style.objective import Objective, Recipe, Style
from segue.style.optimise import State, paint
from segue.style.pyramid import pyramid
from segue.style.scene import Scene


def gatys(network: LossNetwork, recipe: Recipe, steps: int, named: str, sha256: str) -> Method:
    """Paint with `steps` in all from the content on, at the sizes `segue style optimise` takes.

    The network is the one `named`, with weights of that `sha256` ("" for unknown).
    """

    def painted(content: Picture, style: Picture, name: str, tell: Tell) -> Picture:
        scene = Scene(content, (Style(style),))
        levels = pyramid(scene.size, (steps,), None, network.smallest)
        work = [level.pixels * level.steps for level in levels]

        def objective_at(size: tuple[int, int]) -> Objective:
            there, styles = scene.content_at(size, network.smallest), scene.styles_at(size, network.smallest)
            return Objective(network, recipe, there, styles)

        def watch(state: State) -> None:
            done = sum(work[: state.level]) + levels[state.level].pixels * (state.step + 1)
            tell(done / sum(work))

        sizes = [level.size for level in levels]
        return paint(content, sizes, objective_at, lambda level, done: done < levels[level].steps, watch=watch)[0]

    about = f"pixels optimised in {steps} steps"
    return Method(GATYS, painted, about, 2.0 * steps, named, sha256, sha256)
