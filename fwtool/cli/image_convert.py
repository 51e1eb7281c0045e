"""`fwtool image convert`."""

import pathlib
from typing import Any

import click

from formats import dfu, registry, uf2
from formats.errors import ToolError
from formats.sample_keys import refuse_samples
from formats.sources import MAX_HOLE
from fwtool import mcuboot
from fwtool.cli.app import App, Outcome, Verb, pass_app
from fwtool.cli.decrypt_option import decrypt_option, decryption
from fwtool.cli.output import size_text
from fwtool.cli.signer_options import open_signers, signer_options
from fwtool.convert import Conversion, convert
from fwtool.inputs import parse_input
from fwtool.key_files import KeyFile

WRITTEN = [entry.name for entry in registry.FORMATS if entry.write]


@click.command("convert", cls=Verb)
@click.argument("source", metavar="IN")
@click.option("--to", required=True, metavar="FORMAT", help=f"{', '.join(WRITTEN)}.")
@click.option("--out", required=True, type=click.Path(path_type=pathlib.Path))
@click.option("--lose", multiple=True, type=click.Choice(sorted(registry.EVERYTHING)), help="What may get lost; repeatable.")
@click.option("--component", default="", help="Of a package, this component.")
@click.option("--family", help=f"UF2 family, read and written: a number, or {', '.join(list(uf2.FAMILIES)[:3])}, ...")
@click.option("--alternate", type=click.IntRange(0, 255), help="Alternate setting of a DfuSe file, read and written.")
@click.option("--vendor", help="USB vendor id in a DFU suffix; any if not given.")
@click.option("--product", help="USB product id in a DFU suffix.")
@click.option("--device", help="Device version (bcdDevice) in a DFU suffix.")
@click.option("--name", help="Name of a DfuSe target.")
@click.option("--header", help="Text of an S-record file's first record.")
@click.option("--line-bytes", "size", type=click.IntRange(1, 250), help="Data bytes of a HEX or S-record line.  [16]")
@click.option("--fill", help="Byte that fills holes and pages.  [0xff]")
@click.option("--max-hole", type=click.IntRange(0), help=f"Largest hole that is filled.  [{MAX_HOLE}]")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Setting of an MCUboot image; repeatable.")
@signer_options(required=False)
@decrypt_option
@pass_app
def command(
    app: App, /, source: str, to: str, out: pathlib.Path, lose: tuple[str, ...], component: str, max_hole: int | None,
    decrypt_key: tuple[KeyFile, ...], settings: tuple[str, ...], key: tuple[str, ...],
    passphrase_file: pathlib.Path | None, passphrase_fd: int | None, **options: Any,
) -> Outcome:  # fmt: skip
    """Turn an image into another format. IN is FILE[@ADDRESS]; what the format cannot hold must be given up with --lose."""
    suffix = _suffix(to, options.pop("vendor"), options.pop("product"), options.pop("device"))
    header, family, fill = options.pop("header"), options.pop("family"), options.pop("fill")
    chosen = {
        **options,
        "suffix": suffix,
        "header": header.encode() if header is not None else None,
        "family": uf2.FAMILIES.get(family.lower()) or _number("--family", family, 32) if family is not None else None,
        "fill": _number("--fill", fill, 8) if fill is not None else None,
    }
    if (settings or key) and to != "mcuboot":
        raise ToolError("--set and --key are for MCUboot images", name="usage")
    spec = parse_input(source)
    if decrypt_key:
        chosen |= decryption(spec.path, decrypt_key)
    wanted = Conversion(spec, to, out, chosen, frozenset(lose), component, max_hole)
    with open_signers(app, key, passphrase_file, passphrase_fd) as signers:
        if to == "mcuboot":
            refuse_samples([signer.public for signer in signers], dev=app.dev)
            chosen |= {"options": mcuboot.options_of(settings), "signers": signers}
        done = convert(wanted)
    lost = f", without its {' and '.join(done.lost)}" if done.lost else ""
    text = f"{out}: {done.format_to} from {done.format_from}, {size_text(done.size)} in {done.pieces} pieces{lost}"
    data = {"path": str(out), "from": done.format_from, "to": done.format_to, "pieces": done.pieces, "size": done.size}
    return Outcome({**data, "lost": list(done.lost)}, [text], True)


def _suffix(to: str, vendor: str | None, product: str | None, device: str | None) -> dfu.Suffix | None:
    if vendor is None and product is None and device is None:
        return None
    version = dfu.DFUSE_VERSION if to == "dfuse" else dfu.DFU_VERSION

    def number(flag: str, text: str | None) -> int:
        return dfu.ANY if text is None else _number(flag, text, 16)

    return dfu.Suffix(number("--device", device), number("--product", product), number("--vendor", vendor), version)


def _number(flag: str, text: str, bits: int) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if not 0 <= value < 1 << bits:
        raise ToolError(f"{flag} {text!r} is not a number of {bits} bits", name="usage", hint="Write it like 0x1234.")
    return value
