"""Virtual time: 1 MiB that does not compress, from opening the port to "verified by the device", as a share of the line.

The flash is a W25Q128 with its typical times; the line has the given rate and USB-serial latency timer.
"""

import io
import os
import pathlib
import tempfile
from typing import Any

from formats import keys, raw, trust
from formats.fwp import build, package
from formats.fwp.manifest import ComponentType
from formats.signing import Signature, message_for
from formats.sources import Flat
from formats.versions import Hardware, Version
from fwtool.packages import PackageSource
from hwsim.factory import Order, make
from hwsim.machine import LineModel
from hwsim.pipe import SimPipe
from transports.tsp_terminal import TspTerminal
from transports.tsp_update import send_update
from transports.virtual import Scheduler

SIZE = 1 << 20


def signed(size: int, version: str, key: keys.PrivateKey) -> io.BytesIO:
    """A package of random bytes."""
    source = Flat(raw.read(io.BytesIO(os.urandom(size)), 0x08000000))
    out = io.BytesIO()
    recipe = build.Recipe(Version.parse(version), Hardware.parse("VT-100"), 1, "Bench", "bench")
    build.write(recipe, [build.Part(ComponentType.APPLICATION, "app", source)], out)
    sealed = package.seal(out)
    signature = Signature(key.public.key_id, key.sign(message_for("package", sealed.digest)))
    whole = io.BytesIO()
    build.rewrite(sealed, sealed.signatures.adding(signature), whole)
    return whole


def measure() -> list[dict[str, Any]]:
    key = keys.generate(keys.ED25519)
    trusted = trust.parse(key.public.pem())
    source = PackageSource(package.seal(signed(SIZE, "2.0.0", key)).verify(trusted))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        factory = pathlib.Path(folder) / "factory.fwp"
        factory.write_bytes(signed(50_000, "1.0.0", key).getvalue())
        for baud in (115_200, 921_600):
            for timer_ms in (0, 1, 16):
                order = Order(trust=trusted.raw, firmware=factory, line=LineModel(baud, 0.0, timer_ms / 1e3))
                pipe = SimPipe(make(order, Scheduler()))
                while pipe.now() < 2.0:  # the terminal starts
                    pipe.exchange(b"", 2.0)
                host = TspTerminal(pipe)
                start = pipe.now()
                host.connect()
                send_update(host, source, resume=True, progress=lambda done, written: None)
                seconds = pipe.now() - start
                share = 100 * SIZE / seconds / (baud / 10)
                rows.append({"baud": baud, "timer_ms": timer_ms, "seconds": round(seconds, 3), "percent": round(share, 2)})
    return rows
