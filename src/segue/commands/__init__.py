"""One verb, one file: `run(config) -> result`. The command line, Python and other front ends call these alike.

Every result has `to_json()` (what `--json` prints), `lines()` (what people read) and `exit_code`.
"""
