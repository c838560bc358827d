"""Measurements, one script a question; README.md has command, machine and caveats of each."""
