"""python benchmarks/evidence [--only NAME …] [--seeds-from 0 …] [--jobs 2] [--write]"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from evidence.command import main

    sys.exit(main())
