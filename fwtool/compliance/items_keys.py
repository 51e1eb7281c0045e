"""Items about keys and algorithms."""

from formats.trust_record import Role
from fwtool.compliance.evidence import Answer, Sight, judged, passed, unseen


def inventory(sight: Sight) -> Answer:
    """Keys that are weak never come in (`formats.keys`), so the list itself is the evidence."""
    used = [f"{sight.station_algorithm} (records)"]
    if sight.trust:
        used += sorted(f"{key.algorithm} {key.key_id.hex()[:16]} (firmware)" for key in sight.trust.keys)
    return passed(f"SHA-256, {', '.join(used)}", f"SHA-256,{'、'.join(used)}")


def dual(sight: Sight) -> Answer:
    if sight.trust is None:
        return unseen("no trust is pinned on this computer (fwtool trust install)", "本机未安装信任文件(fwtool trust install)")
    roles = [role for role in sight.trust.record.roles if role.role is not Role.BANK]
    least = min(role.threshold for role in roles)
    return judged(least > 1, f"firmware needs {least} signatures", f"固件需要 {least} 个数字签名")
