"""What one training step minimises: `objective(model, batch)` returns named terms, the loop adds them up."""
