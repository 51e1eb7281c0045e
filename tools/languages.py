"""The catalogues of `fwtool.languages`: what a technician can see, collected from the source; one file for each language.

    python tools/languages.py            write zh.po anew (translations are kept) and zh.mo
    python tools/languages.py --check    say whether they are what the source asks for

Collected are: what errors say and advise, what is told while a job runs, what the verbs of technicians print, their help.
"""

import argparse
import ast
import io
import pathlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT: Final = pathlib.Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "fwtool" / "languages"
LANGUAGES: Final = ("zh",)
WIDTH: Final = 130
VERBS: Final = (
    "batch", "clock", "compliance", "compliance_activity", "compliance_registry", "demo", "diagnose", "doctor", "flash", "info",
    "journal", "log", "order", "parts", "ports", "print_test", "reset", "slots", "stats", "stick", "support_bundle", "train",
    "visit",
)  # fmt: skip
"""Verbs of technicians (DESIGN: who uses what). Engineers and stations work in English."""
CLI: Final = (
    *(f"fwtool/cli/{verb}_verb.py" for verb in VERBS), "fwtool/cli/app.py", "fwtool/cli/device.py", "fwtool/cli/doctor_rights.py",
    "fwtool/cli/findings_shown.py", "fwtool/cli/main.py", "fwtool/cli/output.py", "fwtool/cli/print_*.py",
    "fwtool/cli/questions.py", "fwtool/cli/train_machine.py", "fwtool/cli/visit_*.py",
)  # fmt: skip
TERMINAL: Final = (
    "access", "bootloader", "commands", "component_file", "installer", "line_rate", "password_cells", "permits", "rotation",
    "slots", "update", "used_grants",
)  # fmt: skip
"""What a terminal answers in English when it refuses: `fwtool train` is for those who do not read it."""
BELOW: Final = (
    "formats/fwp/*.py", "formats/grant.py", "formats/keys.py", "formats/record.py", "formats/signed_file.py",
    "formats/signing.py", "formats/trust*.py", "formats/update_*.py", "formats/versions.py", "formats/work_order.py",
    "fwtool/*.py", "fwtool/bundle/*.py", "fwtool/compliance/**/*.py", "fwtool/escpos/*.py", "fwtool/parts/*.py",
    "fwtool/records/*.py", "fwtool/report/*.py", "fwtool/stick/*.py", "fwtool/train/*.py", "fwtool/visit/*.py", "transports/*.py",
    "transports/dfu/*.py", "transports/tsp/*.py", "transports/zvt_host/*.py", *(f"hwsim/{name}.py" for name in TERMINAL),
)  # fmt: skip
NOT_THEIRS: Final = (
    "fwtool/building.py", "fwtool/compare*.py", "fwtool/convert.py", "fwtool/diff*.py", "fwtool/extract.py", "fwtool/hexview.py",
    "fwtool/marks.py", "fwtool/mcuboot.py", "fwtool/memory_*.py", "fwtool/relinked.py", "fwtool/review.py", "fwtool/sides.py",
    "fwtool/signing.py", "transports/replay.py", "transports/tsp/dissector.py",
)  # fmt: skip
TOLD: Final = frozenset({
    "ToolError", "LocalError", "FormatError", "TrustError", "LinkError", "LinkLost", "DeviceRefused", "Unsupported", "Silent",
    "Log", "say",
})  # fmt: skip
"""Calls whose first argument, and `hint`, are for people."""
SECOND: Final = frozenset({"Row", "Refused"})
"""Calls whose second argument is for people: rows of tables (`transports.tsp.refusals`), what a terminal answers (`hwsim`)."""
SHOWN: Final = {"cli", "stick", "records", "visit"}
"""Folders of which nearly every text is shown."""
SHOWN_FILES: Final = frozenset({
    "formats/work_order.py", "transports/device.py", "transports/dfu/conversation.py", "transports/dfu/device.py",
    "transports/dfu/dfuse.py", "transports/dfu/session.py", "transports/dfu_device.py", "transports/tsp/link.py",
    "transports/zvt_device.py", "transports/zvt_host/comeback.py", "transports/zvt_host/dialogue.py",
    "transports/zvt_host/push.py", "transports/zvt_host/refusals.py",
})  # fmt: skip
"""Files of which that is true: reasons and remedies in tables, to be put into an error elsewhere."""
SQL: Final = re.compile(r"\s*(SELECT|CREATE|INSERT|PRAGMA|CAST|BEGIN|number, )")
ASSIGNED: Final = ("hint", "what", "why", "how", "advice", "said", "reason")
"""Variables that hold such a text before it is used."""
WORDS: Final = re.compile(r"[A-Za-z]\S* ")
"""Several words: what has none is a key, an option or a name."""
PLACES: Final = re.compile(r"\{\d+\}")
STATES: Final = (
    "open", "closed", "unknown", "active", "trial", "confirmed", "empty", "bad", "ready", "busy", "out_of_service", "boot_loader",
    "tampered", "updating", "recovery", "interrupted", "started", "finished", "refused", "failed", "done", "updated", "unchanged",
    "planned", "none", "missing", "installed", "whole", "foreign", "damaged", "trusted", "sending", "mains", "(simulated)",
    "Technician", "error: ", "  next: ",
)  # fmt: skip
"""Single words that stand in the place of a value."""


def collected() -> list[str]:
    """Every template, in order of the files."""
    found: dict[str, None] = {}
    hidden = {path for pattern in NOT_THEIRS for path in ROOT.glob(pattern)}
    for pattern in (*CLI, *BELOW):
        for path in sorted(ROOT.glob(pattern)):
            if path not in hidden:
                tree = ast.parse(path.read_text(encoding="utf-8"))
                whole = set(path.parts) & SHOWN or path.relative_to(ROOT).as_posix() in SHOWN_FILES
                texts = _shown(tree) if whole else _told(tree)
                found.update(dict.fromkeys(text for text in texts if _is_text(text)))
    return [*found, *(state for state in STATES if state not in found)]


def _is_text(text: str) -> bool:
    """English for people; not a format of its own, nor what is written in both languages already."""
    if SQL.match(text):
        return False
    return bool(re.search("[A-Za-z]{2}", PLACES.sub("", text))) and not re.search("[\u4e00-\u9fff]|%[-\\w]|^\\W*\\w+\\W*$", text)


def _told(tree: ast.Module) -> Iterator[str]:
    """What errors and events of a module say."""
    constants = {
        target.id: node.value
        for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign) and node.value
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target]) if isinstance(target, ast.Name)
    }  # fmt: skip
    for value in constants.values():
        if isinstance(value, ast.Dict | ast.Tuple | ast.Call | ast.Constant | ast.JoinedStr):
            yield from (text for text in _strings(value) if " " in text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in TOLD:
            for argument in [*node.args[:1], *(one.value for one in node.keywords if one.arg in ("hint", "message"))]:
                yield from _strings(argument)
        elif isinstance(node, ast.Call) and _name(node.func) in SECOND:
            for argument in node.args[1:2]:
                yield from _strings(argument)
        elif isinstance(node, ast.Assign) and any(_name(one) in ASSIGNED for one in node.targets):
            yield from _strings(node.value)


def _shown(tree: ast.Module) -> Iterator[str]:
    """Every text of a module of the command line: nearly all of them are printed."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(_name(_called(one)) in ("command", "group") for one in node.decorator_list):
            yield ast.get_docstring(node) or ""
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    pairs = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _name(node.func) in ("Words", "cast")]
    inside |= {id(part) for pair in pairs for part in ast.walk(pair)}
    for node in ast.walk(tree):
        if id(node) not in documents | inside and isinstance(node, ast.Constant | ast.JoinedStr):
            yield from (text for text in _strings(node) if WORDS.search(text))


def _strings(node: ast.AST) -> Iterator[str]:
    """The templates that an expression can become."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield _template(node)
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                yield from (text for text in _strings(part.value) if text.strip() and re.search("[A-Za-z]{2}", text))
    for kind, parts in INSIDE.items():
        if isinstance(node, kind):
            for part in parts(node):
                yield from _strings(part)


INSIDE: Final[dict[type[ast.AST], Callable[[Any], list[ast.AST]]]] = {
    ast.IfExp: lambda node: [node.body, node.orelse],
    ast.BoolOp: lambda node: node.values,
    ast.Tuple: lambda node: node.elts,
    ast.List: lambda node: node.elts,
    ast.Dict: lambda node: node.values,
    ast.BinOp: lambda node: [node.left, node.right],
}
"""What an expression can become, by its kind."""


def _template(node: ast.JoinedStr) -> str:
    text, places = "", 0
    for part in node.values:
        if isinstance(part, ast.Constant):
            text += str(part.value)
        else:
            text, places = f"{text}{{{places}}}", places + 1
    return text


def _called(node: ast.AST) -> ast.AST:
    return node.func if isinstance(node, ast.Call) else node


def _name(node: ast.AST) -> str:
    return str(getattr(node, "id", getattr(node, "attr", "")))


# -- files ------------------------------------------------------------------------------------------------------------


def catalogue(language: str, texts: Iterable[str]) -> Catalog:
    """The texts with the translations that the file of the language has."""
    path = FOLDER / f"{language}.po"
    old = read_po(io.BytesIO(path.read_bytes()), locale=language) if path.exists() else Catalog(locale=language)
    known = {message.id: message.string for message in old if message.id}
    new = Catalog(locale=language, project="fwtool", charset="utf-8", fuzzy=False, header_comment=f"# fwtool: {language}")
    new.creation_date = new.revision_date = old.creation_date if path.exists() else new.creation_date
    for text in texts:
        new.add(text, known.get(text, ""))
    return new


def written(catalog: Catalog) -> tuple[bytes, bytes]:
    """The .po file and the .mo file."""
    po, mo = io.BytesIO(), io.BytesIO()
    write_po(po, catalog, width=WIDTH, omit_header=False, sort_output=False)
    write_mo(mo, catalog)
    return po.getvalue(), mo.getvalue()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    texts, wrong = collected(), 0
    for language in LANGUAGES:
        catalog = catalogue(language, texts)
        missing = [message.id for message in catalog if message.id and not message.string]
        for suffix, content in zip((".po", ".mo"), written(catalog), strict=True):
            path = FOLDER / f"{language}{suffix}"
            if given.check:
                wrong += not path.exists() or path.read_bytes() != content
            else:
                path.write_bytes(content)
        print(f"{language}: {len(texts)} texts, {len(missing)} not translated")
        wrong += len(missing)
    return 1 if given.check and wrong else 0


if __name__ == "__main__":
    sys.exit(main())
