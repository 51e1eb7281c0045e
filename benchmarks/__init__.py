"""Measurements: `make bench` prints tables and writes JSON."""
