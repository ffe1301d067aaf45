"""`python -m bytefed`."""

import sys

from bytefed.cli.main import main

sys.exit(main())
