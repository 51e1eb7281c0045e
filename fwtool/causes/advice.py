"""What no text may advise: opening a terminal, clearing a tamper alarm, taking something off the card slot, losing money.

A verb with its object is dangerous, unless a negation stands right before the verb ("never open the keypad"), or the text says
what makes it safe (settling before a reset). That is strict on purpose: a harmless text that is refused can be put in other
words.
"""

import re
from typing import Final, NamedTuple

from fwtool.findings import Words


class Danger(NamedTuple):
    """One kind of dangerous advice: what it is, how it reads in each language, and the word that makes it safe."""

    name: str
    en: re.Pattern[str]
    zh: re.Pattern[str]
    safe: Words | None = None


GAP: Final = r"[ '/-]+"
"""Between words of one clause."""


def _en(verbs: str, objects: str) -> re.Pattern[str]:
    """A verb, up to four words, an object; or the object said to be done with."""
    words = rf"(?:{GAP}\w+){{0,4}}?{GAP}"
    plain = rf"(?:{verbs})\b{words}(?:{objects})"
    parted = rf"(?:take|lift|get|put|snap|break){words}(?:{objects}){GAP}(?:off(?! mains| power)|out(?! of service)|away|apart)"
    done = rf"(?:{objects})\b{words}(?:must|should|can|may|shall|to|needs? to) be (?:{_participles(verbs)})"
    return re.compile(rf"\b(?:{plain}|{parted}|{done})\b", re.IGNORECASE)


def _participles(verbs: str) -> str:
    """Opened, cleared, removed: enough of English for verbs that end in -ed, and the ones that do not."""
    words = [verb for verb in verbs.split("|") if verb.isalpha()]
    return "|".join(
        [*(rf"{word.rstrip('e')}(?:{word[-1]})?ed" for word in words), "taken (?:off|out|apart|away)", "torn off", "cut"]
    )


def _zh(verbs: str, objects: str) -> re.Pattern[str]:
    """A verb and an object within a clause, or the object in front (把...)."""
    return re.compile(
        rf"(?:{verbs})[^,。;:,;.]{{0,8}}?(?:{objects})|[把将][^,。;:,;.]{{0,8}}?(?:{objects})[^,。;:,;.]{{0,4}}?(?:{verbs})"
    )


_CASE = (
    r"device|terminal|case|casing|housing|enclosure|shell|body|keypad|pin ?pads?|reader|unit|screws?|it|"
    r"(?:back|rear|bottom|top|side)(?: cover| plate| panel)?|bezel|face ?plate|lid"
)
_CASE_ZH = "机壳|外壳|终端|设备|机身|机器|密码键盘|键盘|读卡器|后盖|螺丝|机"
_PART = r"overlay|skimmer|foreign \w+|object|attachment|thing|part|plate|frame|whatever|it"
_PART_ZH = "加装|侧录|外来|异物|部件|装置|物品|贴片"
DANGERS: Final[tuple[Danger, ...]] = (
    Danger(
        "opening the device",
        _en("open|unscrew|undo|dismantle|disassemble|take apart|pry|prise|crack|force|unclip|remove|lift off", _CASE),
        _zh("拆开|拆卸|拆解|拆|撬开|撬|打开|拧开|拧下", _CASE_ZH),
    ),
    Danger(
        "clearing a tamper alarm",
        _en(
            "clear|reset|disable|bypass|override|remove|silence|acknowledge|deactivate|defeat|cancel|switch off|turn off",
            r"tamper\w*|alarms?|alerts?",
        ),
        _zh("清除|解除|复位|重置|取消|关闭|绕过|消除|屏蔽|恢复", "防拆|报警|警报|告警"),
    ),
    Danger(
        "taking something off the card slot",
        _en(
            r"remove|pull|pry|prise|peel|detach|unclip|lever|extract|rip|cut|take (?:off|out|away)|get rid of|fish|shake|push",
            _PART,
        ),
        _zh("移除|取下|取出|拆除|拆下|拆掉|拔出|拔掉|揭下|拿掉|拿出|夹出|抠出|拨出|弄掉|掰|清除|剥离|撬下", _PART_ZH),
    ),
    Danger(
        "touching the backup cell",
        _en("remove|pull|disconnect|unplug|replace|take out|short", r"(?:backup|tamper) (?:cell|battery)|button cell"),
        _zh("移除|取下|取出|断开|拔掉|更换|短接", "备用电池|纽扣电池"),
    ),
    Danger(
        "losing stored transactions",
        _en(
            "wipe|delete|erase|clear|format|discard|purge|empty",
            r"transactions?|batch|turnover|journals?|logs?|store|memory|storage|records?",
        ),
        _zh("删除|清空|擦除|格式化|清除|丢弃", "日志|流水|交易|批次|存储|记录|数据"),
    ),
    Danger(
        "a reset with an open batch",
        re.compile(
            r"\b(?:re-?initiali[sz]\w*|factory[- ](?:reset|state)|hard[- ]reset|(?<!stats )reset(?! restart))\b", re.IGNORECASE
        ),
        re.compile("重新初始化|恢复出厂|复位|重置"),
        Words("settle", "结算"),
    ),
    Danger(
        "an update with an open batch",
        re.compile(r"\bfwtool flash\b|\bupdate the firmware\b", re.IGNORECASE),
        re.compile("固件升级|升级固件|刷机"),
        Words("settle", "结算"),
    ),
    Danger(
        "a restart in the middle of a payment",
        re.compile(r"\b(?:restart|reboot|power[- ]cycle|switch (?:\w+ ){0,3}off and on)\b", re.IGNORECASE),
        re.compile("重启|重新启动|关机再开"),
        Words("no payment", "无交易"),
    ),
)
_NEGATION = re.compile(
    r"\b(?:never|not|don't|mustn't|cannot|can't)(?:\s+(?:try|attempt|ever|even|to|please)){0,3}(?:\s+\w+,?\s+(?:or|nor))?\s*$",
    re.IGNORECASE,
)
_NEGATION_ZH = re.compile("(?:切勿|请勿|勿|不要|不得|不可|禁止|严禁|不能|无法)(?:再|尝试|自行|随意|擅自|试图|用手)*$")
_CLAUSE = re.compile(r"[.;:!?,](?=\s|$)|[。;:!?,、]")


def dangers(words: Words) -> list[str]:
    """What a text advises that must not be advised, in words."""
    found = []
    for danger in DANGERS:
        safe_en, safe_zh = danger.safe or ("", "")
        english = _said(danger.en, words.en, _NEGATION) and not (safe_en and safe_en in words.en.lower())
        chinese = _said(danger.zh, words.zh, _NEGATION_ZH) and not (safe_zh and safe_zh in words.zh)
        if english or chinese:
            found.append(f"{danger.name} ({'English' if english else 'Chinese'} text)")
    return found


def _said(pattern: re.Pattern[str], text: str, negation: re.Pattern[str]) -> bool:
    """Whether a match stands in the text without a negation right before it, in the same clause."""
    at = 0
    while match := pattern.search(text, at):
        before = _CLAUSE.split(text[: match.start()])[-1]
        if not negation.search(before):
            return True
        at = match.start() + 1
    return False
