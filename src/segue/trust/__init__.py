"""What a model's numbers are worth: pure functions on arrays, nothing is read or written here."""
