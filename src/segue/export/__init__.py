"""Networks as files that other programs run: ONNX, its convolutions in 8 bits, and what that costs and gives."""

EXTRA = "edge"  # of Segue: what installs the packages that write and run these files
