"""Fold what an LMS says into what is known: facts, aggregates, people, courses, views."""
