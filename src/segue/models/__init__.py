"""Networks: timm encoders, decoders on top of them, and where their pretrained weights come from."""
