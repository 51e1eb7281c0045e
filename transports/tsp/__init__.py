"""Terminal Service Protocol, version 1 (docs/protocol/tsp.md): frames, streams, the link engine, messages.

Pure: no port, no clock, no thread. Bytes and `now` go in; bytes, events and the next deadline come out.
"""
