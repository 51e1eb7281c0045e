#!/usr/bin/env python3
"""Render the VT-100's bitmap fonts into src/font_latin.c and src/font_zh.c.

Needs Pillow and two Debian packages: fonts-droid-fallback (Chinese glyphs, Apache-2.0) and
fonts-dejavu-core (Latin glyphs, Bitstream Vera licence).  The two C files are committed, so building the
firmware needs neither.

    python make_font.py            write the two files
    python make_font.py --preview 固件    print glyphs on the terminal, to look at the rendering
"""

from __future__ import annotations

import argparse
import pathlib
import re
import sys

from PIL import Image, ImageDraw, ImageFont

HERE = pathlib.Path(__file__).resolve().parent
SRC = HERE / "src"
DROID = pathlib.Path("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf")
DEJAVU = pathlib.Path("/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf")

# How many characters of COMMON each release carries, besides every character that a message uses.
PRINTER_RELEASE_1 = 1000
PRINTER_RELEASE_2 = 1200
DISPLAY_RELEASE_1 = 500
DISPLAY_RELEASE_2 = 560

# Frequent characters of modern Chinese, roughly most frequent first.  All are in GB 2312, level 1.
COMMON = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
    "用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实"
    "日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政"
    "美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员"
    "解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件"
    "计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象"
    "完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运笑飞风步改"
    "收根干造言联持组每济车亲极林服快办议往元英士证近失转夫令准布始怎呢存未远叫台单影具罗字爱击流备兵连调"
    "深商算质团集百需价花党华城石级整府离况亚请技际约示复病息究线似官火断精满支视消越器容照须九增研写称企"
    "八功吗包片史委乎查轻易早曾除农找装广显吧阿李标谈吃图念六引历首医局突专费号尽另周较注语仅考落青随选列"
    "武红响虽推势参希古众构房半节土投某案黑维革划敌致陈律足态护七兴派孩验责营星够章音跟志底站严巴例防族供"
    "效续施留讲型料终答紧黄绝奇察母京段依批群项故按河米围江织害斗双境客纪采举杀攻父苏密低朝友诉止细愿千值"
    "仍男钱破网热助倒育属坐帝限船脸职速刻乐否刚威毛状率甚独球般普怕弹校苦创假久错承印晚兰试股拿脑预谁益阳"
    "若哪微尼继送急血惊伤素药适波夜省初喜卫源食险待述陆习置居劳财环排福纳欢雷警获模充负云停木游龙树疑层冷"
    "洲冲射略范竟句室异激汉村哈策演简卡罪判担州静退既衣您宗积余痛检差富灵协角占配征修皮挥胜降阶审沉坚善妈"
    "刘读啊超免压银买皇养伊怀执副乱抗犯追帮宣佛岁航优怪香著田铁控税左右份穿艺背阵草脚概恶块顿敢守酒岛托央"
    "户烈洋哥索胡款靠评版宝座释景顾弟登货互付伯慢欧换闻危忙核暗姐介坏讨丽良序升监临亮露永呼味野架域沙掉括"
    "舰鱼杂误湾吉减编楚肯测败屋跑梦散温困剑渐封救贵枪缺楼县尚毫移娘朋画班智亦耳恩短掌恐遗固席松秘谢鲁遇康"
    "虑幸均销钟诗藏赶剧票损忽巨炮旧端探湖录叶春乡附吸予礼港雨呀板庭妇归睛饭额含顺输摇招婚脱补谓督毒油疗旅"
    "泽材灭逐莫笔亡鲜词圣择寻厂睡博勒烟授诺伦岸奥唐卖俄炸载洛健堂旁宫喝借君禁阴园谋宋避抓荣姑孙逃牙束跳顶"
    "玉镇雪午练迫爷篇肉嘴馆遍凡础洞卷坦牛宁纸诸训私庄祖丝翻暴森塔默握戏隐熟骨访弱蒙歌店鬼软典欲萨伙遭盘爸"
    "扩盖弄雄稳忘亿刺拥徒姆杨齐赛趣曲刀床迎冰虚玩析窗醒妻透购替塞努休虎扬途侵刑绿兄迅套贸毕唯谷轮库迹尤竞"
    "街促延震弃甲伟麻川申缓潜闪售灯针哲络抵朱埃抱鼓植纯夏忍页杰筑折郑贝尊吴秀混臣雅振染盛怒舞圆搞狂措姓残"
    "秋培迷诚宽宇猛摆梅毁伸摩盟末乃悲拍丁赵硬麦蒋操耶阻订彩抽赞魔纷沿喊违妹浪汇币丰蓝殊献桌啦瓦莱援译夺汽"
    "烧距裁偏符勇触课敬哭懂墙袭召罚侠厅拜巧侧韩冒债曼融惯享戴童犹乘挂奖绍厚纵障讯涉彻刊丈爆乌役描洗玛患妙"
    "镜唱烦签仙彼弗症仿倾牌陷鸟轰咱菜闭奋庆撤泪茶疾缘播朗杜奶季丹狗尾仪偷奔珠虫驻孔宜艾桥淡翼恨繁寒伴叹旦"
)


def unique(text: str) -> list[str]:
    """The characters of text, each once, in the order of first use."""
    return list(dict.fromkeys(text))


def message_characters() -> set[str]:
    """Every non-ASCII character that stands in a hand-written C file or header."""
    found: set[str] = set()
    for file in sorted([*SRC.glob("*.c"), *SRC.glob("*.h")]):
        if not file.name.startswith("font_"):
            found |= {char for char in file.read_text("utf-8") if ord(char) > 0x7F}
    return found


def render(font: ImageFont.FreeTypeFont, char: str, width: int, height: int, baseline: int) -> bytes:
    """One glyph as rows of whole bytes, most significant bit leftmost, centred in its cell."""
    image = Image.new("1", (width, height), 0)
    draw = ImageDraw.Draw(image)
    draw.fontmode = "1"
    advance = round(font.getlength(char))
    draw.text(((width - advance) // 2, baseline), char, fill=1, font=font, anchor="ls")
    return image.tobytes()


def c_bytes(data: bytes) -> str:
    return ",".join(f"{byte:#x}" if byte > 9 else str(byte) for byte in data)


def latin_file() -> str:
    """The 95 printable ASCII glyphs in the two cell sizes."""
    out = [
        "/* Written by make_font.py from DejaVu Sans Mono; the licence is in LICENSES.md. */",
        '#include "font.h"',
    ]
    for name, width, height, points, baseline in (("8x16", 8, 16, 13, 12), ("12x24", 12, 24, 20, 19)):
        font = ImageFont.truetype(str(DEJAVU), points)
        size = (width + 7) // 8 * height
        out.append("")
        out.append(f"const uint8_t font_latin_{name}[FONT_LATIN_COUNT * {size}u] = {{")
        for code in range(0x20, 0x7F):
            out.append(c_bytes(render(font, chr(code), width, height, baseline)) + ",")
        out.append("};")
    return "\n".join(out) + "\n"


def chinese_table(name: str, cell: int, first: set[str], second: set[str]) -> list[str]:
    """Code points and glyphs, sorted by code point; N() rows exist from release 2 on."""
    font = ImageFont.truetype(str(DROID), cell)
    baseline = cell * 9 // 10
    chars = sorted(first | second)
    size = cell * cell // 8
    out = ["", f"const uint16_t font_zh_{name}_codes[] = {{"]
    line = ""
    for char in chars:
        line += f"{'G' if char in first else 'N'}({ord(char):#x})"
        if len(line) > 96:
            out.append(line)
            line = ""
    out += [line, "};", ""]
    codes = f"font_zh_{name}_codes"
    out.append(f"const uint16_t font_zh_{name}_count = sizeof {codes} / sizeof {codes}[0];")
    out += ["", f"const uint8_t font_zh_{name}[][{size}] = {{"]
    for char in chars:
        pixels = c_bytes(render(font, char, cell, cell, baseline))
        out.append(f"{'G' if char in first else 'N'}({{{pixels}}})")
    out.append("};")
    return out


def chinese_file() -> str:
    common = unique(COMMON)
    used = message_characters()
    out = [
        "/* Written by make_font.py from Droid Sans Fallback; the licence is in LICENSES.md. */",
        '#include "font.h"',
        "",
        "/* G rows are in every release, N rows came with release 2. */",
        "#define G(...) __VA_ARGS__,",
        "#if RELEASE >= 2",
        "#define N(...) __VA_ARGS__,",
        "#else",
        "#define N(...)",
        "#endif",
    ]
    out += chinese_table("16", 16, set(common[:DISPLAY_RELEASE_1]) | used, set(common[:DISPLAY_RELEASE_2]))
    out += chinese_table("24", 24, set(common[:PRINTER_RELEASE_1]) | used, set(common[:PRINTER_RELEASE_2]))
    return "\n".join(out) + "\n"


def preview(text: str) -> None:
    font = ImageFont.truetype(str(DROID), 16)
    for char in text:
        rows = render(font, char, 16, 16, 14)
        for row in range(16):
            bits = f"{int.from_bytes(rows[2 * row : 2 * row + 2], 'big'):016b}"
            print(bits.replace("0", ".").replace("1", "#"))
        print()


def main() -> int:
    parser = argparse.ArgumentParser(description="Render the VT-100's bitmap fonts into src/font_*.c.")
    parser.add_argument("--preview", metavar="TEXT", help="print the glyphs of TEXT instead of writing files")
    options = parser.parse_args()
    for file in (DROID, DEJAVU):
        if not file.is_file():
            print(
                f"{file.name} is missing: install fonts-droid-fallback and fonts-dejavu-core.",
                file=sys.stderr,
            )
            return 2
    if options.preview:
        preview(options.preview)
        return 0
    outside = [
        char for char in unique(COMMON) if not re.match(rb"[\xb0-\xd7]", char.encode("gb2312", "replace"))
    ]
    if outside:
        print(f"not in GB 2312 level 1: {''.join(outside)}", file=sys.stderr)
        return 1
    (SRC / "font_latin.c").write_text(latin_file(), "utf-8")
    (SRC / "font_zh.c").write_text(chinese_file(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
