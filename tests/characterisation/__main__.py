"""`python -m tests.characterisation [SCENE]…`: records anew what Coursebell says now."""

import sys

from tests.characterisation.scenes import SCENES, record

for name in sys.argv[1:] or SCENES:
    record(name)
