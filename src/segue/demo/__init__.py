"""The demonstration's two worlds: generated street scenes, and an encoder that we pretrained on one of them.

`scene` generates a picture with its labels; everything else in this package is a part of it (`layout` places `house`,
`tree`, `car`, `boat` and what `pavement` holds; `backdrop` paints what is behind them; `finish` turns paint into a
photograph; `look` says how the two worlds differ), or what `segue demo` makes of scenes: a `dataset`, a `picture` and
a `page`.
"""
