"""Write the corpus to a folder."""

import sys
from pathlib import Path

from corpus import write

for number, case in enumerate(write(Path(sys.argv[1]))):
    sys.stdout.write(f"{number:03d}  {case.code or 'sound':22} {case.name}\n")
