"""`python -m ocrgate`."""

import sys

from ocrgate.cli import main

sys.exit(main())
