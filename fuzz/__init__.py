"""Fuzzing: every door by which something comes in from outside, tried with cases made at random."""
