"""`python -m bytefed`."""

import sys

from bytefed.cli import main

sys.exit(main())
