"""The guide's nine steps, as a table. To add a question: a line here; to add an act: a function in `fwtool.visit.acts`.

The numbering is the guide's. Where the guide is wrong the step says so (`how`): taking the battery out is no factory reset,
thermal heads have no ink, a PIN device is never opened, a reset is no routine, and the test slip is printed again after an
update.
"""

import pathlib
from typing import Final, NamedTuple

from fwtool.findings import Words
from fwtool.visit.questions import Kind, Question

DONE: Final = (("done", Words("done", "已完成")), ("not_needed", Words("not needed", "不需要")))
LOOK: Final = (("good", Words("good", "良好")), ("worn", Words("worn", "磨损")), ("damaged", Words("damaged", "损坏")))
RESETS: Final = (
    ("none", Words("not needed", "不需要")),
    ("restart", Words("restart", "重启")),
    ("reinitialise", Words("re-initialise", "重新初始化")),
)
SETTLING: Final = (
    ("terminal", Words("I have settled it at the terminal: look again", "已在终端上结算,请重新检查")),
    ("now", Words("settle it now, from here", "现在由本工具结算")),
    ("stop", Words("leave it; nothing is changed", "暂不处理,不做任何更改")),
)
SETTLE: Final = Question(
    "batch.settle", Words("Transactions are not settled. How do you go on?", "存在未结算交易,如何处理?"),
    Kind.CHOICE, SETTLING, default="stop",
)  # fmt: skip
"""Asked before a change, if the batch is open."""
WHO: Final = Question(
    "visit.technician", Words("Name of the technician (once for all: --technician)", "技术员姓名(可用 --technician 预先指定)"),
    Kind.TEXT,
)  # fmt: skip
"""Asked once, if nothing names the technician."""


class Step(NamedTuple):
    """One step. `parts` are done in order: a question is asked, a name is an act of `fwtool.visit.acts`."""

    id: str
    title: Words
    how: tuple[Words, ...]
    parts: tuple[Question | str, ...]


STEPS: Final = (
    Step(
        "inspect", Words("1 Inspect the appearance", "1 外观检查"),
        (
            Words("Never open a PIN device: its keys would be erased. Look at it from outside only.",
                  "切勿拆开密码键盘设备:密钥会被擦除。只检查外部。"),
            Words("Compare model, serial number and seals with the last visit.", "与上次上门维护核对型号、序列号和封签。"),
        ),
        (
            "examine",
            Question("inspect.foreign", Words("Is anything on the card slot or the keypad that does not belong there?",
                     "插卡口或密码键盘上是否有疑似加装侧录装置或卡槽异物?"), stops=(True,)),
            Question("inspect.housing", Words("How is the housing?", "外壳状况如何?"), Kind.CHOICE, LOOK, attention=("damaged",)),
            Question("inspect.seals", Words("Numbers of the seals, with commas between", "封签编号(用逗号分隔)"), Kind.LIST,
                     default=[], only_counted=True),
            Question("inspect.photos", Words("Files of the photos, with commas between", "照片文件(用逗号分隔)"), Kind.LIST,
                     default=[], on_disk=pathlib.Path.is_file),
            "evidence",
        ),
    ),
    Step(
        "clean", Words("2 Clean", "2 清洁"),
        (Words("Cool head, 99 % isopropanol on a swab; a cleaning card for the reader. No water, no sprays.",
               "打印头冷却后用99%异丙醇棉签擦拭;读卡器用清洁卡。不要用水或喷雾。"),),
        (Question("clean.done", Words("Head, slot and keypad cleaned?", "打印头、插卡口和密码键盘是否已清洁?"), Kind.CHOICE, DONE,
                  default="done", idle=("not_needed",)),),
    ),
    Step(
        "paper", Words("3 Paper", "3 纸卷"),
        (Words("A thermal print head has no ink and no ribbon: a faint print is a matter of paper side, dirt or head.",
               "热敏打印头(无墨盒):打印变淡与墨水无关,应检查纸面方向、灰尘或打印头。"),),
        (
            "paper",
            Question("paper.roll", Words("A new roll of paper put in?", "是否更换了新纸卷?"), default=False),
        ),
    ),
    Step(
        "battery", Words("4 Battery", "4 电池"),
        (Words("Taking the battery out for 30 seconds is no factory reset. A long time without power can drain the tamper cell, "
               "and then the keys are gone: do not leave it out.",
               "取出电池30秒并不会恢复出厂设置。长时间断电可能耗尽防拆备用电池,导致密钥丢失:请勿长时间取出电池。"),),
        (
            "power",
            Question("battery.flat", Words("Is the back of the battery flat, not swollen?", "电池背面是否平整、没有鼓包?"),
                     default=True, attention=(False,)),
            Question("battery.replaced", Words("Battery replaced?", "是否更换了电池?"), default=False),
        ),
    ),
    Step(
        "slip", Words("5 Test slip", "5 打印测试单"),
        (Words("The terminal prints a test slip now.", "终端即将打印测试单。"),),
        (
            "slip",
            Question("slip.density", Words("Is the print dark and even?", "打印颜色是否深且均匀?"), attention=(False,)),
            Question("slip.lines", Words("Is it free of white lines from top to bottom?", "是否没有纵向白线?"),
                     attention=(False,)),
            Question("slip.picture", Words("File of a picture of the slip, if you took one", "测试单照片文件(如有)"), Kind.TEXT,
                     default="", optional=True, on_disk=pathlib.Path.is_file),
            "slip_picture",
        ),
    ),
    Step(
        "reset", Words("6 Reset", "6 重启与重新初始化"),
        (Words("A reset is no routine step: it mends little, and what is not settled can end as a wrong posting. A factory reset "
               "is the bank's: the keys would have to be injected again.",
               "重启不是例行步骤:作用有限,未结算交易可能造成错账。恢复出厂设置须由银行决定:主密钥可能丢失,需重新灌装、重新签到。"),),
        (
            Question("reset.kind", Words("Is a reset needed?", "是否需要重启或重新初始化?"), Kind.CHOICE, RESETS, default="none",
                     idle=("none",)),
            Question("reset.reason", Words("Why?", "原因?"), Kind.TEXT, when=("reset.kind", ("restart", "reinitialise"))),
            "reset",
        ),
    ),
    Step(
        "update", Words("7 Firmware update from the USB stick", "7 用U盘升级固件"),
        (Words("Keep the power on. The right package is picked by what its maker has signed, not by its name.",
               "请勿断电。升级包按厂商数字签名的内容选择,与文件名无关。"),),
        (
            Question("update.stick", Words("Folder of the USB stick; nothing: no update today", "U盘文件夹;留空表示今天不升级"),
                     Kind.TEXT, default="", optional=True, idle=("",), on_disk=pathlib.Path.is_dir),
            "update",
        ),
    ),
    Step(
        "verify", Words("8 Restart and check", "8 重启并检查"),
        (Words("The health check of step 1 is done again: nothing that was good may be bad now.",
               "再次进行第1步的设备检测:原来通过的项目不得变为不通过。"),),
        (
            Question("verify.restart", Words("Restart the terminal now? (An update has done so already.)",
                     "现在重启终端吗?(升级后已自动重启。)"), default=False),
            "restart", "reexamine", "slip_again",
            Question("verify.slip", Words("Is the new test slip as good as the first one?", "新测试单是否与第一张一样清晰?"),
                     default=True, attention=(False,)),
        ),
    ),
    Step(
        "record", Words("9 Record", "9 记录"),
        (Words("What was done is written into the maintenance record, and signed by this computer.",
               "本次工作将写入维护记录,并由本机签署。"),),
        (
            Question("record.site", Words("Merchant, or place", "商户名称或地点"), Kind.TEXT, default="", optional=True),
            Question("record.used", Words("Parts used, with commas between", "已用配件(用逗号分隔)"), Kind.LIST, default=[]),
            Question("record.remarks", Words("Remarks", "备注"), Kind.TEXT, default="", optional=True),
        ),
    ),
)  # fmt: skip
QUESTIONS: Final = (WHO, SETTLE, *(part for step in STEPS for part in step.parts if isinstance(part, Question)))
"""All that can be asked."""
