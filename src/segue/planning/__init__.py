"""Segue configures itself: what the data is (fingerprint), which pretrained source suits it, and the options to run.

Not called `plan`, because `segue.plan` is the function.
"""
