"""Optimisers: `f(groups, optim, device) -> torch.optim.Optimizer`, one file each."""

from segue.table import Table

OPTIMIZERS = Table(
    "optimiser", __name__, adamw="adamw:adamw", adam="adam:adam", sgd="sgd:sgd", rmsprop="rmsprop:rmsprop"
)

DECOUPLED = ("adamw",)  # weight decay, and with it L2-SP, moves the weights themselves; the others' is in the gradient
