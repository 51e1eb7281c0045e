"""The host's side of ZVT, in parts; `transports.zvt_terminal` puts them together. Only `line` waits."""
