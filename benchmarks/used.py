"""What one command uses: CPU time and memory."""

import os
import pathlib
import subprocess
import sys
from typing import Final

_WATCH: Final = """
import os, resource, subprocess, sys, time
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
most = 0
while child.poll() is None:
    with open(f"/proc/{child.pid}/status") as status:
        most = max([most, *(int(line.split()[1]) for line in status if line.startswith("RssAnon"))])
    time.sleep(0.001)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss, most)
sys.exit(child.returncode)
"""
"""A small process in between: the peak that the system reports for a child begins at what its parent had when it started."""


class Used:
    """What one command used: user and system time in seconds; memory at its peak, all of it and the anonymous part, in MiB.

    All of it (`ru_maxrss`) includes the pages of program and libraries, and is exact; the anonymous part (`RssAnon`,
    proc_pid_status(5)) is looked at every millisecond. Python keeps its bytecode in `cwd`: from the second run on a command
    starts as an installed one does, whatever the environment says.

    Args:
        code: Exit code that the command must have.
    """

    def __init__(self, *command: str, cwd: str, code: int = 0) -> None:
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        env["PYTHONPYCACHEPREFIX"] = str(pathlib.Path(cwd) / "bytecode")
        watch = [sys.executable, "-c", _WATCH, *command]
        done = subprocess.run(watch, cwd=cwd, env=env, capture_output=True, text=True, check=False)
        if done.returncode != code:
            raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode} instead of {code}\n{done.stderr}")
        seconds, peak, anonymous = done.stdout.split()
        self.seconds, self.peak_mib, self.anonymous_mib = float(seconds), int(peak) / 1024, int(anonymous) / 1024
