"""How what is owed reaches people: words, envelopes, channels."""
