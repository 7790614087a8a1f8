"""Play rule tests: given events, expected messages, a clock of their own."""
