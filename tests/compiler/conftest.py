"""With `WITHOUT=llvmlite`, the tests of this folder run as where it is not installed: on NumPy."""

import os
import sys

if os.environ.get("WITHOUT") == "llvmlite":
    sys.modules["llvmlite"] = None
