"""What a step of `segue style train` minimises: `objective(model, batch) -> {term: value}`, one method one file."""
