"""Characterisation: what people and programs read of Coursebell, recorded before it is rebuilt."""
