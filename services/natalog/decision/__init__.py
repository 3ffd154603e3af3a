"""Pure: certificate numbers, state, decide, evolve, rule sets. No I/O, no clock, no chance."""
