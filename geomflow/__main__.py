r"""`python -m geomflow` is the same as `geomflow`."""

import sys

from geomflow.cli import main

if __name__ == "__main__":
    sys.exit(main())
