"""`fwtool support-bundle`: make one, show one."""

import datetime
import functools
import pathlib
from typing import Any, Final

import click

from formats import keys
from formats.errors import ToolError, TrustError
from fwtool import __version__
from fwtool.bundle import Judged, Opened, Wanted, collect, incident, judge, opened, pack
from fwtool.bundle.archive import MAX_FILE
from fwtool.bundle.manifest import NOT_SIGNED, TRUSTED
from fwtool.causes import load
from fwtool.cli import doctor_verb
from fwtool.cli.app import App, Outcome, Verb, VerbGroup, open_port, pass_app, port_options
from fwtool.cli.findings_shown import cause_lines, finding_lines
from fwtool.cli.output import size_text
from fwtool.files import read_small, write_file
from fwtool.findings import Words
from fwtool.flashing import simulated
from fwtool.records.station import PUBLIC, known_key, station_key

FILE = click.Path(path_type=pathlib.Path)
RULES = click.option(
    "--rules", multiple=True, envvar="FWTOOL_RULES", type=FILE, metavar="FILE", help="Rules of your own (TOML); repeatable."
)
MISSING: Final = Words("missing", "缺少")
SIGNED: Final = Words("signed with the key {key} of this computer; its public half: {public}",
                      "已用本机密钥 {key} 作数字签名;公钥:{public}")  # fmt: skip
MADE: Final = Words("made {created} by {who} with fwtool {tool}", "{created} 由 {who} 用 fwtool {tool} 生成")
SIGNATURE: Final = {
    "good": Words("signature: good, key {key}", "数字签名:验签通过,密钥 {key}"),
    "unknown_key": Words("signature: by a key that is not known here, {key}", "数字签名:本机不认识该密钥 {key}"),
    "not_signed": Words("signature: none", "数字签名:无"),
}
NOBODY: Final = Words("(nobody named)", "(未署名)")
OTHERWISE: Final = Words("judged otherwise by the sender's tool", "发送方工具的结论不同")
CASE: Final = Words("SECURITY CASE", "安全事件")
NO_SNAPSHOT: Final = Words("no health check in it", "其中没有设备检测结果")


@click.group(cls=VerbGroup, invoke_without_command=True)
@click.option("--out", type=FILE, metavar="FILE", help="Where to write the bundle (.zip).")
@click.option("--with-trace", "traces", multiple=True, type=FILE, metavar="FILE", help="An earlier trace; repeatable.")
@click.option("--reason", default="", metavar="TEXT", help="What happened, for whoever opens it.")
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
@RULES
@port_options
@click.pass_context
def command(context: click.Context, /, out: pathlib.Path | None, **options: Any) -> Outcome | None:
    """Put all that a supporter needs into one signed file, without card numbers and secrets; or open one (`show`)."""
    if context.invoked_subcommand is not None:
        return None
    if out is None:
        raise ToolError(
            "where should the bundle go?", name="usage", hint="Give --out FILE.zip, or say: support-bundle show FILE."
        )
    doctor = context.invoke(doctor_verb.command, install_udev=False)
    return _make(context.ensure_object(App), out, doctor.data, **options)


def _make(
    app: App, out: pathlib.Path, doctor: dict[str, Any], *, traces: tuple[pathlib.Path, ...], reason: str, overwrite: bool,
    rules: tuple[pathlib.Path, ...], port: str | None, **line: Any,
) -> Outcome:  # fmt: skip
    if out.exists() and not overwrite:
        raise ToolError(f"{out} exists", name="usage", hint="Choose another name, or give --overwrite.")
    table = load(rules)
    named = port or app.settings.port
    connect = functools.partial(open_port, app, port=named, **line) if named else None
    own = [pathlib.Path(app.flags["trace"])] if app.flags.get("trace") and app.trace else []
    found = collect(connect, Wanted(doctor, app.state_dir, [*traces, *own]), table)
    stamp = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    facts = {"created": stamp, "tool": __version__, "technician": app.settings.technician, "reason": reason}
    key = station_key(app.state_dir)
    raw = pack(found, {**facts, **simulated(named or "")}, key)
    write_file(out, raw)
    data: dict[str, Any] = {
        "path": str(out), "size": len(raw), "members": [member.name for member in found.members],
        "missing": found.missing, "key_id": key.public.key_id.hex(), "public": str(app.state_dir / PUBLIC),
    }  # fmt: skip
    language = app.language
    said = SIGNED.get(language).format(key=data["key_id"][:16], public=data["public"])
    lines = [f"{out}: {size_text(len(raw))}", *(f"  {name}" for name in data["members"]), *_lacks(found.missing, language), said]
    return Outcome(data, lines, True)


def _lacks(missing: dict[str, str], language: str) -> list[str]:
    return [f"  {MISSING.get(language)}: {name} ({why})" for name, why in missing.items()]


@command.command(cls=Verb)
@click.argument("file", type=FILE)
@click.option("--public", multiple=True, type=FILE, metavar="PUB.pem", help="Key of the computer that made it. Repeatable.")
@RULES
@pass_app
def show(app: App, /, file: pathlib.Path, public: tuple[pathlib.Path, ...], rules: tuple[pathlib.Path, ...]) -> Outcome:
    """Open a bundle and judge it: signature, findings, ranked causes."""
    app.output.command = "support-bundle show"
    table = load(rules)
    own = known_key(app.state_dir)
    named = [keys.read_public(read_small(path)) for path in public]
    bundle = opened(read_small(file, MAX_FILE), named or ([own] if own else []))
    judged = judge(bundle, table)
    language = app.language
    return Outcome(_shown(bundle, judged, language), _lines(bundle, judged, language), failure=_failure(bundle))


def _failure(bundle: Opened) -> ToolError | None:
    if bundle.signature == TRUSTED:
        return None
    if bundle.signature == NOT_SIGNED:
        return TrustError("the bundle is not signed", name="not_signed", hint="Do not rely on it; ask for it again.")
    return TrustError(
        f"the bundle is signed by the key {bundle.manifest.key_id[:16]}, which is not known here", name="trust_failed",
        hint=f"Give --public with {PUBLIC} of the computer that made it, received on another way than the bundle.",
    )  # fmt: skip


def _shown(bundle: Opened, judged: Judged, language: str) -> dict[str, Any]:
    return {
        "facts": bundle.manifest.facts,
        "signature": bundle.signature,
        "key_id": bundle.manifest.key_id or None,
        "members": [{"name": name, "size": len(body)} for name, body in bundle.members.items()],
        "missing": bundle.manifest.missing,
        "findings": [finding.as_json(language) for finding in judged.findings],
        "causes": [cause.as_json(rank, language) for rank, cause in enumerate(judged.ranking.causes, 1)],
        "otherwise": list(judged.otherwise),
        "incident": incident(bundle, language),
    }


def _lines(bundle: Opened, judged: Judged, language: str) -> list[str]:
    facts = {"created": "?", "tool": "?", **{name: str(value) for name, value in bundle.manifest.facts.items()}}
    device = " ".join(facts[name] for name in ("vendor", "model", "serial_number", "version") if facts.get(name))
    who = facts.get("technician") or NOBODY.get(language)
    cases = [
        f"{CASE.get(language)}  {one['kind']}: {one['evidence']}  {one['action']}" for one in incident(bundle, language) or []
    ]
    lines = [
        MADE.get(language).format(created=facts["created"], who=who, tool=facts["tool"]),
        SIGNATURE[bundle.signature].get(language).format(key=bundle.manifest.key_id[:16]),
        *([device] if device else []),
        *([facts["reason"]] if facts.get("reason") else []),
        *cases,
        *(f"  {name:<20} {size_text(len(body))}" for name, body in bundle.members.items()),
        *_lacks(bundle.manifest.missing, language),
    ]
    if not judged.findings:
        return [*lines, NO_SNAPSHOT.get(language)]
    bad = [finding for finding in judged.findings if finding.bad]
    lines += [line for finding in bad for line in finding_lines(finding, language)]
    if judged.otherwise:
        lines.append(f"{OTHERWISE.get(language)}: {', '.join(judged.otherwise)}")
    return [*lines, *cause_lines(judged.ranking, language)]
