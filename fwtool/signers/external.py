"""A command of somebody else that signs: a script in front of a signing service, a vendor's own tool.

Described by a TOML file, so that what is run is a list of words and never a line for a shell:

```toml
public = "release.pub.pem"          # beside this file
command = ["./sign.sh", "release"]  # run in the folder of this file
input = "message"                   # what it gets on stdin: "message", or "hashed" where the key's algorithm hashes
timeout_s = 60
```

The signature comes on stdout as bytes: 64 for Ed25519, DER for ECDSA, as long as the key for RSA.
"""

import contextlib
import os
import pathlib
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from typing import IO, Any

from formats import keys
from formats.errors import LocalError, ToolError
from formats.keys import PublicKey
from formats.signing import MAX_SIGNATURE_SIZE, Signer
from fwtool.files import read_small
from fwtool.signers.secrets import Secrets

MAX_TIMEOUT_S = 3600
MAX_OUTPUT = 1 << 20
"""Of what it gives, and of what it says besides."""
POLL_S = 0.01
KEYS = {"public": str, "command": list, "input": str, "timeout_s": int}


class ExternalSigner:
    """Runs the command for each signature."""

    def __init__(self, public: PublicKey, command: list[str], folder: pathlib.Path, *, hashed: bool, timeout_s: int) -> None:
        self.public = public
        self._command, self._folder = command, folder
        self._hashed, self._timeout_s = hashed, timeout_s

    def sign(self, message: bytes) -> bytes:
        return self._run(self.public.row.hashed(message) if self._hashed else message)

    def sign_hashed(self, hashed: bytes) -> bytes:
        if not self._hashed and self.public.row.digest is not None:
            raise ToolError('this needs a signing command with input = "hashed"', name="usage")
        return self._run(hashed)

    def _run(self, data: bytes) -> bytes:
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as talk:
            given.write(data)
            given.seek(0)
            try:
                process = subprocess.Popen(self._command, stdin=given, stdout=out, stderr=talk, cwd=self._folder)
            except (OSError, ValueError) as error:
                raise self._failed("cannot be run") from error
            self._wait(process, (out, talk))
            if process.returncode:
                said = _last_line(talk)
                raise self._failed(f"ended with {process.returncode}" + (f": {said!a}" if said else ""))
            out.seek(0)
            return out.read(MAX_OUTPUT)

    def _wait(self, process: "subprocess.Popen[bytes]", files: Sequence[IO[bytes]]) -> None:
        """Until it has ended; neither its time nor what it says is without limit."""
        until = time.monotonic() + self._timeout_s
        try:
            while process.poll() is None:
                if time.monotonic() >= until:
                    raise self._failed(f"took more than {self._timeout_s} s")
                if any(os.fstat(file.fileno()).st_size > MAX_OUTPUT for file in files):
                    raise self._failed(f"says more than {MAX_OUTPUT} bytes")
                time.sleep(POLL_S)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if os.fstat(files[0].fileno()).st_size > MAX_SIGNATURE_SIZE:
            raise self._failed("gave what is too long for a signature")

    def _failed(self, why: str) -> LocalError:
        return LocalError(f"the signing command {self._command[0]!r} {why}", name="missing_component")


def _last_line(file: IO[bytes]) -> str:
    """What it said last, of the last kilobyte."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - 1024))
    return "".join(file.read(1024).decode("utf-8", "backslashreplace").strip().splitlines()[-1:])


@contextlib.contextmanager
def opened(name: str, secrets: Secrets, state_dir: pathlib.Path) -> Iterator[Signer]:
    """The signer that `command:FILE` describes.

    Raises:
        ToolError: the file is not as it should be (`usage`).
    """
    del secrets, state_dir
    path = pathlib.Path(name.partition(":")[2])
    told = _read(path)
    public = keys.read_public(read_small(path.parent / told["public"]), foreign=True)
    yield ExternalSigner(
        public, told["command"], path.parent, hashed=told.get("input") == "hashed", timeout_s=told.get("timeout_s", 60)
    )


def _read(path: pathlib.Path) -> dict[str, Any]:
    try:
        told = tomllib.loads(read_small(path).decode("utf-8"))
    except ValueError as error:
        raise ToolError(f"{path} is not TOML: {error}", name="usage") from error
    wrong = [key for key, value in told.items() if key not in KEYS or not isinstance(value, KEYS[key])]
    command = told.get("command", [])
    if wrong or "public" not in told or not command or not all(isinstance(word, str) for word in command):
        raise ToolError(
            f"{path} does not describe a signing command" + (f" ({', '.join(wrong)})" if wrong else ""), name="usage",
            hint='It has public = "PUB.pem", command = ["PROGRAM", "WORD"], and may have input and timeout_s.',
        )  # fmt: skip
    if told.get("input", "message") not in ("message", "hashed") or not 0 < told.get("timeout_s", 60) <= MAX_TIMEOUT_S:
        raise ToolError(f'{path}: input is "message" or "hashed", timeout_s a number of seconds', name="usage")
    return told
