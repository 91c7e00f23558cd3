"""``python -m shopfloor``: the same as the ``shopfloor`` command."""

import sys

from shopfloor.cli import main

if __name__ == "__main__":
    sys.exit(main())
