"""Wait, and write a file: a step that takes time and no processor.

python benchmarks/batch/idle.py SECONDS -o OUT
"""

import sys
import time
from pathlib import Path

if __name__ == "__main__":
    time.sleep(float(sys.argv[1]))
    Path(sys.argv[3]).write_text("done\n", encoding="utf-8")
