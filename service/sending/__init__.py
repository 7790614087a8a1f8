"""Send what is owed to people: plan, render, hand to a channel, record."""
