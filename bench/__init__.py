"""Measurements, as ratios in the same run: `python -m bench [NAME …] [--quick]`."""
