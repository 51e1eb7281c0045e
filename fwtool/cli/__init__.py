"""The command line: one module per verb. Arguments become calls, events become bars, text or JSON; nothing else."""
