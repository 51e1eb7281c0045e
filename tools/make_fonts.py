"""Cut the printer's fonts out of two free ones; see hwsim/fonts/README.md. Needs fontTools and the Debian packages."""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent.parent / "hwsim" / "fonts"
SHARE = pathlib.Path("/usr/share/fonts/truetype")


def gb2312_level_1() -> str:
    """The 3,755 characters of rows 16 to 55, ordered by pronunciation."""
    codes = [(row + 0xA0, cell + 0xA0) for row in range(16, 56) for cell in range(1, 95)]
    return "".join(bytes(code).decode("gb2312", "ignore") for code in codes)


def subset(source: pathlib.Path, target: str, text: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "fontTools.subset", str(source), f"--text={text}", f"--output-file={HERE / target}",
         "--no-hinting", "--desubroutinize", "--notdef-outline", "--name-IDs=0,1,2,5,13", "--drop-tables+=GSUB,GPOS,GDEF"],
        check=True,
    )  # fmt: skip


latin = "".join(map(chr, [*range(0x20, 0x7F), *range(0xA0, 0x100), 0x2190, 0x2192, 0x2026, 0x2588, 0x2013, 0x20AC]))
punctuation = "".join(map(chr, [*range(0x3000, 0x3012), *range(0xFF01, 0xFF5F)]))
extra = "侧录疑签购辫韧镜像敏磁卡槽"
subset(SHARE / "dejavu" / "DejaVuSansMono-Bold.ttf", "latin.ttf", latin)
subset(SHARE / "droid" / "DroidSansFallbackFull.ttf", "chinese.ttf", gb2312_level_1() + punctuation + extra)
