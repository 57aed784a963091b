"""Cut a timm feature extractor into stages: what leads to the first map, from there to the second, and so on."""

from __future__ import annotations

from typing import Any

from torch import nn


def group_stages(net: nn.Module) -> tuple[tuple[nn.Module, ...], ...]:
    """Group the modules of a timm extractor by the feature map they lead to.

    Relies on timm's rule that modules are registered in the order they are used. Parameters that belong to a module
    which has to be cut (class token, position embedding) come as a `ParameterList` of the same tensors. A stage without
    parameters (a pooling layer that is tapped) joins the one before it; what lies behind the last map joins the last.
    """
    walker = _Walker(_tap_names(net))
    walker.visit("", net)
    return walker.finished()


class _Walker:
    def __init__(self, taps: set[str]) -> None:
        self.taps = taps
        self.stages: list[list[nn.Module]] = [[]]

    def visit(self, name: str, module: nn.Module) -> None:
        """Take a module whole, or piece by piece when a tap lies inside it."""
        if not any(not name or tap.startswith(f"{name}.") for tap in self.taps):
            self.stages[-1].append(module)
        else:
            own = list(module.parameters(recurse=False))
            if own:
                self.stages[-1].append(nn.ParameterList(own))
            for child_name, child in module.named_children():
                self.visit(f"{name}.{child_name}" if name else child_name, child)
        if name in self.taps:
            self.stages.append([])

    def finished(self) -> tuple[tuple[nn.Module, ...], ...]:
        merged: list[list[nn.Module]] = []
        for number, stage in enumerate(self.stages):
            has_parameters = any(True for module in stage for _ in module.parameters())
            behind_last_map = number == len(self.stages) - 1
            if merged and (behind_last_map or not has_parameters):
                merged[-1].extend(stage)
            else:
                merged.append(stage)
        return tuple(tuple(stage) for stage in merged)


def _tap_names(net: nn.Module) -> set[str]:
    """Names, as seen from `net`, of the modules whose outputs are the feature maps."""
    modules = dict(net.named_modules())
    info: Any = net.feature_info
    spellings = ([tap, tap.replace(".", "_", 1), f"model.{tap}", f"body.{tap}"] for tap in info.module_name())
    return {found for names in spellings if (found := next((n for n in names if n in modules), None))}
