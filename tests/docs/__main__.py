"""`make docs`: writes the pages that are made from the code."""

from tests.docs.picture import draw
from tests.docs.reference import PLACE, page

PLACE.write_text(page())
draw()
