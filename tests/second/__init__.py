"""A second decoder of packages, trust files and the line protocol, written from docs/ alone.

It shares no code with the program: host and simulated terminal do, and could share a mistake. Nothing here imports
`formats`, `transports`, `hwsim` or `fwtool`.
"""
