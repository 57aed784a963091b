"""What a run looks like to a person: plots, sheets of pictures, and one self-contained page."""
