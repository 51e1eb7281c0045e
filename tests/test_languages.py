"""The texts of technicians: all there in Chinese, in the right words, and only ever a matter of what is shown."""

import gettext
import io
import os
import pathlib
import re
import subprocess
import sys
from typing import Final

import pytest
from babel.messages.pofile import read_po

from fwtool.languages import Translator, translator
from fwtool.text import columns, padded
from tests.bench_parts import TRUST
from tests.conftest import Fwtool
from tests.support import ROOT, make_package

PO: Final = ROOT / "fwtool" / "languages" / "zh.po"
MESSAGES: Final = {str(one.id): str(one.string) for one in read_po(io.BytesIO(PO.read_bytes()), locale="zh") if one.id}
AVOID: Final = (
    "韧体", "图像", "映像", "插槽", "清算", "跳过", "窗口", "重置", "复位", r"(?<!数字)(?<!验)签名(?!单)",
    r"(?<![员柜台菜单银口])密码(?!键盘|文件|不|与|错)",
)  # fmt: skip
"""Words that are avoided, or not used by themselves: one word for each thing."""
SENTENCE: Final = re.compile(r"\b(the|is|are|not|and|this|with|for|of)\b")


def test_the_catalogue_is_what_the_source_asks_for_and_nothing_is_missing() -> None:
    done = subprocess.run(
        [sys.executable, "tools/languages.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_translation_has_the_places_of_its_template() -> None:
    for text, there in MESSAGES.items():
        assert sorted(re.findall(r"\{\d+\}", text)) == sorted(re.findall(r"\{\d+\}", there)), text


def test_one_word_for_each_thing_and_consoles_in_gbk_have_it() -> None:
    for text, there in MESSAGES.items():
        there.encode("gbk")
        found = [word for word in AVOID if re.search(word, there)]
        assert not found, (found, text, there)


def test_what_is_not_in_the_catalogue_stays() -> None:
    words = Translator({"{0} bytes": "{0} 字节", "closed": "已结", "batch {0}{1}": "批次{0}{1}"})
    assert words("12 bytes") == "12 字节"
    assert words("batch closed") == "批次已结"
    assert words("nothing of it") == "nothing of it"
    assert words("") == ""
    assert translator("en")("batch closed") == "batch closed"


def test_the_most_particular_template_counts() -> None:
    words = Translator({"{0}: {1} is bad": "{0}:{1}坏", "{0}: the file is bad": "{0}:文件坏"})
    assert words("x: the file is bad") == "x:文件坏"
    assert words("x: it is bad") == "x:it坏"


def test_columns_of_chinese() -> None:
    assert (columns("ab"), columns("通过"), columns("通 a")) == (2, 4, 4)
    assert columns(padded("不通过", 10)) == 10
    assert Translator({"slot {0} {1}": "分区 {0} {1}", "active": "当前"})("slot active     1.0") == "分区 当前     1.0"


def test_gettext_itself_reads_the_catalogue() -> None:
    with PO.with_suffix(".mo").open("rb") as file:
        found = gettext.GNUTranslations(file)
    assert found.gettext("Run the same command again.") == MESSAGES["Run the same command again."]


@pytest.mark.parametrize("arguments", [
    "info --port SIM", "batch show --port SIM", "clock show --port SIM", "slots show --port SIM", "print-test --port SIM",
    "flash new.fwp --port SIM --trust tests.trust", "flash new.fwp --port SIM --trust tests.trust --dry-run", "ports", "doctor",
    "reset restart --port SIM", "reset factory --port SIM", "diagnose --port SIM", "log show", "flash --help", "stick check .",
    "flash old.fwp --port SIM --trust other.trust", "flash missing.fwp --port SIM --trust tests.trust", "info",
    "info --port /dev/does-not-exist",
])  # fmt: skip
def test_a_technician_reads_chinese(run: Fwtool, keys: pathlib.Path, arguments: str) -> None:
    """No sentence is left in English; exit codes are the same, and so is JSON but for times."""
    (keys / "old.fwp").write_bytes(make_package(version="1.0.0", counter=7))
    (keys / "new.fwp").write_bytes(make_package(version="1.1.0", counter=8))
    (keys / "tests.trust").write_bytes(TRUST.raw)
    (keys / "maker.trust").rename(keys / "other.trust")
    sim = f"sim:?trust={keys / 'tests.trust'}&firmware={keys / 'old.fwp'}"
    said = [sim if one == "SIM" else one for one in arguments.split()]
    chinese, english = run("--lang", "zh", *said), run("--lang", "en", *said)
    assert chinese.code == english.code
    for line in (chinese.out + chinese.err).splitlines():
        plain = re.sub(r"`[^`]*`|sim:\S*|\S*/\S*|终端拒绝.*|Show this message and exit.", "", line)  # the terminal's own words
        assert not SENTENCE.search(plain), line
    if arguments not in ("ports", "log show"):
        assert any("\u4e00" <= one <= "\u9fff" for one in chinese.out + chinese.err)


def test_a_gbk_console_survives(run: Fwtool) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "gbk", "FWTOOL_LANG": "zh"}
    command = [sys.executable, "-m", "fwtool", "diagnose", "--port", "sim:?model=VT-100"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False, timeout=60)
    assert "不通过" in done.stdout.decode("gbk") or "通过" in done.stdout.decode("gbk")
    assert done.returncode != 1
