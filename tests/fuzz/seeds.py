"""What the fuzzing starts from: small good inputs for every target, made by the library. The same bytes every time."""

from collections.abc import Callable
from typing import Final

from tests import zvt_examples
from tests.fuzz import seed_files, seed_lines, seed_signed, seed_words
from tests.fuzz.seed_files import Seeds
from tests.fuzz.seed_lines import APDUS
from tests.spec_examples import examples
from transports.zvt.apdu import Apdu


def files() -> Seeds:
    """A file of every format."""
    images = (seed_files.elfs, seed_files.intel_hexes, seed_files.srecs, seed_files.uf2s, seed_files.dfuses)
    signed = (seed_signed.packages, seed_signed.trusts, seed_signed.mcuboots)
    return [*(data for make in (*images, *signed) for data in make()), seed_files.suffixed(b"content"), b"raw bytes"]


SEEDS: Final[dict[str, Callable[[], Seeds]]] = {
    "elf": seed_files.elfs,
    "elf-symbols": seed_files.elfs,
    "intel-hex": seed_files.intel_hexes,
    "srec": seed_files.srecs,
    "uf2": seed_files.uf2s,
    "dfu": lambda: [seed_files.written("dfu")[-60:], seed_files.suffixed(b"content")],
    "dfuse": seed_files.dfuses,
    "detect": files,
    "annotate": files,
    "fwp": seed_signed.packages,
    "fwp-manifest": seed_signed.manifests,
    "trust": seed_signed.trusts,
    "mcuboot": seed_signed.mcuboots,
    "signature-block": seed_signed.signature_blocks,
    "public-key": seed_signed.public_keys,
    "private-key": seed_signed.private_keys,
    "sbom": seed_words.sboms,
    "advisory": seed_words.advisories,
    "provenance": seed_words.provenances,
    "versions": seed_words.versions,
    "tsp-frames": seed_lines.frame_streams,
    "tsp-tap": seed_lines.frame_streams,
    "tsp-messages": seed_lines.bodies,
    "tsp-splitter": seed_lines.messages,
    "tsp-hello": lambda: [examples()["hello-frame"][12:-4], examples()["welcome-frame"][12:-4]],
    "tsp-ack": seed_lines.acks,
    "tsp-receiver": lambda: [seed_lines.words(100 << 14, 100 << 14 | 200, 255 << 14 | 100, 3 << 30 | 50 << 14 | 355)],
    "tsp-sender": seed_lines.acks_for_a_sender,
    "dfu-descriptors": seed_lines.descriptors,
    "dfu-layout": seed_lines.layouts,
    "zvt-frames": lambda: [zvt_examples.raw(text) + b"\6" for text in zvt_examples.DOUBLED.values()],
    "zvt-tcp": lambda: [b"".join(APDUS[:5]), *APDUS[5:8]],
    "zvt-apdu": lambda: [*APDUS[:4], b"\x80\x00\xff\x02\x00ab"],
    "zvt-tlv": seed_lines.containers,
    "zvt-bitmaps": lambda: [data for data in (Apdu.parse(apdu).data for apdu in APDUS) if data],
    "zvt-commands": lambda: APDUS,
    "zvt-records": seed_lines.records,
    "zvt-describe": lambda: [*APDUS, b"".join(APDUS[:5])],
}
"""Target -> good inputs, or such that become good ones by `Target.mend`."""
