"""python -m sockfilter"""

import sys

from sockfilter.cli import main

sys.exit(main())
