"""The maintenance records: who did what to which terminal, and how it ended. One store, append only, chained by hashes.

A job has a `started` entry, on the disk before the first write to a device, and a `finished` one; what is refused before
that has a `refused` entry. Every entry holds the hash of the one before it, and where a job ends the newest hash is signed:
an edit, a gap or a foreign piece shows (`fwtool.records.verify`). For other programs: docs/records.md.
"""

from fwtool.records.entry import SCHEMA, Entry, canonical, new_job_id
from fwtool.records.store import FILE, Records

__all__ = ["FILE", "SCHEMA", "Entry", "Records", "canonical", "new_job_id"]
