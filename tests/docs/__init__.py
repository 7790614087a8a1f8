"""Pages under docs/: what they say is true, and what is made from the code is made anew."""
