"""How fast a machine reads, trains and predicts with one configuration, and what holds it back."""
