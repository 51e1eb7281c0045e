"""The words of maintenance notices in Chinese and English: dates, times, connections, systems, effects.

Shapes after the yearly notices of the People's Bank of China (2015, 2016, 2022), notices of banks and of UnionPay (2017,
2019) and of processors.
"""

import re
import unicodedata
from typing import Final

_DASHES: Final = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u301c~", "-") | {"\u2236": ":"})
_DAYS: Final = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
_WEEKDAY = r"(?:(?P<ew>mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\s+)?"
_ISO = r"(?P<iso>(?P<iy>\d{4})[-/](?P<im>\d{1,2})[-/](?P<id>\d{1,2})(?!\d))"
_CHINESE_DATE = (
    r"(?P<zh_date>(?:(?P<zy>\d{4})\s*年\s*)?(?:(?P<zm>\d{1,2})\s*月\s*)?(?P<zd>\d{1,2})\s*(?(zm)[日号]|日)(?!期)"
    r"(?:\s*\((?:周|星期|礼拜)(?P<zw>[一二三四五六日天])\))?)"
)
_YEAR = r"(?P<year>(?P<y0>\d{4})\s*年(?:度)?)"
_ENGLISH_DATE = (
    rf"(?P<en_date>\b{_WEEKDAY}(?:(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+{_MONTH}(?:,?\s+(?P<y1>\d{{4}}))?"
    rf"|{_MONTH.replace('month', 'month2')}\s+(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?(?!\s*[:\d])(?:,?\s+(?P<y2>\d{{4}}))?)\b)"
)
_NEXT = r"(?P<next>次日|翌日|第二天|\b(?:the\s+)?(?:next|following)\s+(?:day|morning)\b)"
_TIME = (
    r"(?P<time>(?P<mark>凌晨|清晨|早上?|上午|中午|下午|傍晚|晚上?|夜间)?\s*(?:"
    r"(?<![\d.])(?P<h>\d{1,2}):(?P<mi>\d{2})(?::\d{2})?(?!\d)"
    r"|(?<![\d.])(?P<h2>\d{1,2}|零)\s*[时点](?:整|(?P<half>半)|(?P<mi2>\d{1,2})\s*分?)?)"
    r"(?:\s*(?P<ampm>[ap])\.?\s?m\b\.?)?)"
)
_ENGLISH_TIME = (
    r"(?P<en_time>\b(?:(?P<h3>\d{1,2})\s*(?P<ampm2>[ap])\.?\s?m\b\.?|(?P<word>midnight|noon)\b"
    r"|(?P<h4>\d{2})(?P<m4>\d{2})\s*h(?:ou)?rs?\b))"
)
_TO = r"(?P<to>至|到|-|(?:开始|起)\s*,\s*(?=次日|翌日|凌晨|早|上午|中午|下午|晚|\d)|\b(?:to|until|till|through|and)\b)"
_SEPARATOR = r"(?P<sep>、|及|和)"
_PARTS = (_ISO, _CHINESE_DATE, _YEAR, _ENGLISH_DATE, _NEXT, _TIME, _ENGLISH_TIME, _TO, _SEPARATOR)
TOKENS: Final = re.compile("|".join(_PARTS), re.ASCII | re.IGNORECASE)
FILLER: Final = re.compile(
    r"[\s,()]*(?:(?:自|从|于|在|将|每日|每天|的|起|开始|左右|期间|时间|北京时间|on|at|from|between|about|approximately|starting|of|the|"
    r"beijing time|china time|cst|utc|gmt|et|est|edt|cet|cest|daily|each day)[\s,()]*){0,4}",
    re.IGNORECASE,
)
"""What may stand between a date and its time, or around a connection."""
RECURRING: Final = re.compile(
    r"每(?:周|月|季|年|逢|个|隔)|\b(?:every|weekly|monthly|each\s+(?:week|month)|(?:last|first|second|third)\s+\w+day)\b",
    re.IGNORECASE,
)
AFTERNOON: Final = frozenset({"下午", "傍晚", "晚", "晚上", "夜间"})

_ANY: Final = re.IGNORECASE
SERVICES: Final = (
    ("card", re.compile(r"刷卡|银行卡|POS|收单|银联|信用卡|借记卡|消费|\bcards?\b|acquir|terminal|unionpay", re.IGNORECASE)),
    ("clearing", re.compile(r"小额|大额|超级网银|支付跨行|清算|支付系统|[BHI][EVB]PS|clearing|interbank|settlement", _ANY)),
    ("arrival", re.compile(r"到账|划款|结算款|出款|提现|付款入账|payouts?|credited|funds", re.IGNORECASE)),
    ("online", re.compile(r"网银|网上银行|手机银行|快捷|云闪付|自助设备|ATM|online banking|mobile banking|app\b", re.IGNORECASE)),
)  # fmt: skip
EFFECTS: Final = (
    ("brief", re.compile(r"闪断|短暂|瞬断|各\s*\d+\s*秒|\d+\s*次.{0,4}中断|brief|momentar|few seconds", re.IGNORECASE)),
    ("slow", re.compile(r"缓慢|延迟|延时|较慢|slow|delay", re.IGNORECASE)),
)  # fmt: skip
ZONES: Final = (
    ("Asia/Shanghai", re.compile(r"北京时间|beijing time|china (?:standard )?time", re.IGNORECASE)),
    ("Asia/Hong_Kong", re.compile(r"香港时间|hong kong time|\bHKT\b", re.IGNORECASE)),
    ("America/New_York", re.compile(r"\b(?:ET|EST|EDT)\b|eastern time")),
    ("America/Los_Angeles", re.compile(r"\b(?:PT|PST|PDT)\b|pacific time")),
    ("Europe/Berlin", re.compile(r"\bCES?T\b|central european")),
    ("UTC", re.compile(r"\b(?:UTC|GMT)\b")),
)
SHARED: Final = re.compile(
    r"人民银行|央行|清算总中心|支付清算系统|小额支付|网上支付跨行|银联|PBOC|People's Bank|UnionPay", re.IGNORECASE
)
"""Systems that all banks stand on."""
CANCELLED: Final = re.compile(r"取消|不再进行|cancell?ed|called off", re.IGNORECASE)


def normalised(text: str) -> str:
    """One spelling: full-width forms, colons and dashes as in ASCII (Unicode NFKC)."""
    return unicodedata.normalize("NFKC", text).translate(_DASHES).replace("\r", "")


def weekday_number(word: str) -> int:
    """0 (Monday) to 6, for a Chinese numeral or the beginning of an English day."""
    return "一二三四五六日".index(word.replace("天", "日")) if len(word) == 1 else _DAYS.index(word[:3].lower())


def month_number(word: str) -> int:
    """1 to 12 for an English month."""
    return _MONTHS.index(word[:3].lower()) + 1
