"""The step loop: keyed randomness, optimiser, averaged weights, checkpoints."""
