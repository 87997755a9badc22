"""``python -m decor_core``: the command line."""

import sys

from decor_core.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
