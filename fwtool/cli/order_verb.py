"""`fwtool order`: create, sign, show."""

import datetime
import pathlib
import time
from typing import Any

import click

from formats import work_order
from formats.errors import TrustError
from formats.work_order import DAY_S, MAX_DAYS, Act, OrderRecord, WorkOrder
from fwtool.cli.app import App, Outcome, VerbGroup, pass_app
from fwtool.cli.signed_documents import minute, sign_verb
from fwtool.files import read_small, write_file
from fwtool.findings import Words
from fwtool.trust_store import pinned_trust

FILE = click.Path(path_type=pathlib.Path)
DAY = click.DateTime(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"])
ACTS = Act(sum(Act)).names
MADE = Words("{path}: made, not signed yet", "{path}: 已生成,尚未数字签名")
SCOPE = Words("work order {number} of {bank}: {acts} on {terminals}", "工单 {number}({bank}): 终端 {terminals},允许 {acts}")
SPAN = Words("valid from {start} to {end}", "有效期 {start} 至 {end}")
BY = Words("signed by {keys}", "数字签名密钥 {keys}")
NOBODY = Words("nobody", "无")
ACT_WORDS = {
    "service": Words("service", "维护"), "settle": Words("settle", "批结算"), "reset": Words("reset", "重启与重新初始化"),
    "update": Words("update", "固件升级"),
}  # fmt: skip
JUDGED = {
    None: Words(
        "no trust is pinned on this computer: whether the bank has signed it cannot be told", "本机未固定信任文件,无法验签"
    ),
    True: Words("the bank has signed it", "验签通过: 由银行数字签名"),
    False: Words("the bank has NOT signed it: {why}", "验签不通过: {why}"),
}


@click.group(cls=VerbGroup)
def command() -> None:
    """The bank's work orders: which terminals may be worked on, how, and until when."""


@command.command()
@click.option("--number", required=True, help="Number of the order.")
@click.option("--bank", required=True, help="Name of the bank that gives it.")
@click.option("--terminal", "terminals", required=True, multiple=True, metavar="SERIAL", help="Serial number; repeatable.")
@click.option("--act", "acts", required=True, multiple=True, type=click.Choice(ACTS), help="Repeatable.")
@click.option("--from", "start", type=DAY, help="First moment (UTC); now if not given.")
@click.option("--days", default=1, show_default=True, type=click.IntRange(1, MAX_DAYS), help="How long it is valid.")
@click.option("--out", required=True, type=FILE)
@pass_app
def create(app: App, /, number: str, bank: str, terminals: tuple[str, ...], acts: tuple[str, ...],
           start: datetime.datetime | None, days: int, out: pathlib.Path) -> Outcome:  # fmt: skip
    """Make an order; it counts when the bank has signed it (`order sign`)."""
    first = int(start.replace(tzinfo=datetime.UTC).timestamp() if start else time.time())
    order = work_order.build(
        OrderRecord(
            number=number, bank=bank, not_before=first, not_after=first + days * DAY_S,
            acts=sum(Act[act.upper()] for act in set(acts)), terminals=tuple(sorted(set(terminals))),
        )
    )  # fmt: skip
    write_file(out, order.file.build())
    said = MADE.get(app.settings.lang).format(path=out)
    return Outcome({"path": str(out), **order_facts(order)}, [said, *_lines(order, app.settings.lang)], True)


@command.command()
@click.argument("file", type=FILE)
@pass_app
def show(app: App, file: pathlib.Path) -> Outcome:
    """Show what an order allows, and whether the trust that is pinned here says that the bank has signed it."""
    order = work_order.parse(read_small(file))
    by_bank, why = _judged(app, order)
    said = JUDGED[by_bank].get(app.settings.lang).format(why=why)
    return Outcome({**order_facts(order), "signed_by_bank": by_bank}, [*_lines(order, app.settings.lang), said])


command.add_command(
    sign_verb(work_order.parse, lambda app, order: (order_facts(order), _lines(order, app.settings.lang))), "sign"
)


def _judged(app: App, order: WorkOrder) -> tuple[bool | None, str]:
    """Whether the signatures are enough, and if not, why; None where no trust is pinned."""
    trust = pinned_trust(app.state_dir, dev=app.dev)
    if trust is None:
        return None, ""
    try:
        order.check_signed(trust, time.time())
    except TrustError as error:
        return False, error.message
    return True, ""


def order_facts(order: WorkOrder) -> dict[str, Any]:
    """What JSON says of an order."""
    record = order.record
    return {
        "digest": order.digest.hex(),
        "number": record.number,
        "bank": record.bank,
        "acts": order.acts.names,
        "terminals": list(record.terminals),
        "not_before": record.not_before,
        "not_after": record.not_after,
        "signatures": [signature.key_id.hex() for signature in order.file.signatures.signatures],
    }


def _lines(order: WorkOrder, language: str) -> list[str]:
    facts = order_facts(order)
    acts = ", ".join(ACT_WORDS[act].get(language) for act in facts["acts"])
    signed = ", ".join(key_id[:16] for key_id in facts["signatures"]) or NOBODY.get(language)
    return [
        SCOPE.get(language).format(
            number=facts["number"], bank=facts["bank"], acts=acts, terminals=", ".join(facts["terminals"])
        ),
        SPAN.get(language).format(start=minute(facts["not_before"]), end=minute(facts["not_after"])),
        BY.get(language).format(keys=signed),
    ]
