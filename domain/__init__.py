"""What is true and what may happen: aggregates, their events, and the rules that decide."""
