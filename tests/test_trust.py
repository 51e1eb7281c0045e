"""Trust files beyond counting: roles, expiry, revocation, lowest counters, and one file after another."""

import io
import itertools
import pathlib
from collections.abc import Sequence

import pytest

from formats import rotation, trust
from formats.errors import LocalError, ToolError, TrustError
from formats.fwp.package import seal
from formats.keys import PrivateKey
from formats.signing import SignatureBlock
from formats.trust import Check, Trust
from formats.trust_record import Role
from fwtool import trust_store
from tests.conftest import Fwtool
from tests.support import KEY, P256_KEY, SECOND_KEY, STRANGER, THIRD_KEY, ed25519_key, flips, make_package, signatures_of

DIGEST = bytes(range(32))
ROOTS = [ed25519_key(f"root {n}") for n in range(3)]
NEW_ROOTS = [ed25519_key(f"new root {n}") for n in range(3)]
NOW = 1_800_000_000
DAY = 24 * 3600

Roles = dict[Role, tuple[int, Sequence[PrivateKey]]]


def compose(roles: Roles, **rest: object) -> Trust:
    named = {
        role: (least, [(f"{role.name} {n}", key.public) for n, key in enumerate(keys)]) for role, (least, keys) in roles.items()
    }
    return trust.parse(trust.compose(named, **rest))  # type: ignore[arg-type]


def rooted(roots: Sequence[PrivateKey], version: int, threshold: int = 2, **rest: object) -> Trust:
    return compose({Role.ROOT: (threshold, roots), Role.SIGNER: (1, [KEY])}, version=version, **rest)


FIRST = rooted(ROOTS, 1)


# -- roles --------------------------------------------------------------------------------------------------------------


def test_every_role_must_hold_and_the_root_signs_no_packages() -> None:
    both = compose({Role.MAKER: (2, [KEY, SECOND_KEY]), Role.BANK: (1, [P256_KEY, THIRD_KEY]), Role.ROOT: (1, ROOTS)})
    everybody = [KEY, SECOND_KEY, P256_KEY, THIRD_KEY, ROOTS[0]]
    for number in range(len(everybody) + 1):
        for signers in itertools.combinations(everybody, number):
            enough = {KEY, SECOND_KEY} <= set(signers) and bool({P256_KEY, THIRD_KEY} & set(signers))
            block = signatures_of("package", DIGEST, *signers)
            try:
                both.require("package", DIGEST, block)
            except TrustError:
                assert not enough, number
            else:
                assert enough, number


def test_a23_one_key_in_two_roles_is_still_one_key_in_each() -> None:
    twice = compose({Role.MAKER: (1, [KEY]), Role.BANK: (2, [KEY, SECOND_KEY])})
    with pytest.raises(TrustError):
        twice.require("package", DIGEST, signatures_of("package", DIGEST, KEY))
    assert twice.require("package", DIGEST, signatures_of("package", DIGEST, KEY, SECOND_KEY))


def test_two_roles_serve_a_move_to_new_keys() -> None:
    """A package with both signatures is good for those who know only the old key, and for those who ask for both."""
    before = compose({Role.SIGNER: (1, [KEY])})
    after = compose({Role.SIGNER: (1, [KEY]), Role.MAKER: (1, [P256_KEY])}, version=2)
    both = signatures_of("package", DIGEST, KEY, P256_KEY)
    assert before.require("package", DIGEST, both)
    assert after.require("package", DIGEST, both)
    for alone in (KEY, P256_KEY):
        with pytest.raises(TrustError):
            after.require("package", DIGEST, signatures_of("package", DIGEST, alone))


@pytest.mark.parametrize(
    "roles",
    [
        {Role.ROOT: (1, [KEY])},
        {},
        {Role.SIGNER: (0, [KEY])},
        {Role.SIGNER: (2, [KEY])},
        {Role.SIGNER: (1, [])},
        {Role.SIGNER: (2, [KEY, KEY])},
    ],
)
def test_a23_roles_that_make_no_sense_are_refused(roles: Roles) -> None:
    with pytest.raises(ToolError) as caught:
        compose(roles)
    assert caught.value.exit_code == 2


# -- time -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("now", "good"), [(NOW - 1, True), (NOW, False), (NOW + 1, False), (None, True)])
def test_a27_an_expired_trust_file_vouches_for_nothing(now: float | None, good: bool) -> None:
    old = compose({Role.SIGNER: (1, [KEY])}, expires=NOW)
    block = signatures_of("package", DIGEST, KEY)
    if good:
        assert old.require("package", DIGEST, block, now)
        return
    with pytest.raises(TrustError) as caught:
        old.require("package", DIGEST, block, now)
    assert (caught.value.name, caught.value.exit_code) == ("expired", 4)


@pytest.mark.parametrize(("now", "check"), [(NOW - 1, Check.VALID), (NOW, Check.EXPIRED), (NOW + 1, Check.EXPIRED)])
def test_a27_a30_an_expired_key_does_not_count(now: float, check: Check) -> None:
    late = compose({Role.SIGNER: (1, [KEY, SECOND_KEY])}, key_expires={KEY.public.key_id: NOW})
    assert late.judge("package", DIGEST, signatures_of("package", DIGEST, KEY), now)[0].check is check
    assert late.judge("package", DIGEST, signatures_of("package", DIGEST, KEY))[0].check is Check.VALID
    assert late.require("package", DIGEST, signatures_of("package", DIGEST, KEY, SECOND_KEY), now)
    if check is Check.EXPIRED:
        with pytest.raises(TrustError) as caught:
            late.require("package", DIGEST, signatures_of("package", DIGEST, KEY), now)
        assert caught.value.name == "expired"


def test_a27_a_clock_before_the_making_of_the_file_is_wrong() -> None:
    made = compose({Role.SIGNER: (1, [KEY])}, created=NOW)
    block = signatures_of("package", DIGEST, KEY)
    for now in (NOW - DAY, NOW, NOW + 10 * DAY):
        assert made.require("package", DIGEST, block, now)
    for now in (0, NOW - DAY - 1):
        with pytest.raises(LocalError) as caught:
            made.require("package", DIGEST, block, now)
        assert (caught.value.name, caught.value.exit_code) == ("clock_wrong", 9)


# -- revocation and counters ------------------------------------------------------------------------------------------------


def test_a30_a_revoked_key_does_not_count_and_is_named() -> None:
    after = compose({Role.SIGNER: (1, [SECOND_KEY])}, version=2, revoked=[KEY.public.key_id])
    with pytest.raises(TrustError) as caught:
        after.require("package", DIGEST, signatures_of("package", DIGEST, KEY))
    assert caught.value.name == "revoked"
    assert KEY.public.key_id.hex()[:16] in caught.value.message
    assert after.require("package", DIGEST, signatures_of("package", DIGEST, KEY, SECOND_KEY))
    with pytest.raises(ToolError):
        compose({Role.SIGNER: (1, [KEY])}, revoked=[KEY.public.key_id])


def test_a28_fast_forward_by_a_revoked_key_locks_nobody_out() -> None:
    """A package with the highest counter there is, signed by a stolen key, is refused; a normal one still passes."""
    after = compose({Role.SIGNER: (1, [SECOND_KEY])}, version=2, revoked=[KEY.public.key_id])
    with pytest.raises(TrustError) as caught:
        seal(io.BytesIO(make_package(counter=2**32 - 1, signers=[KEY]))).verify(after)
    assert caught.value.name == "revoked"
    assert seal(io.BytesIO(make_package(counter=8, signers=[SECOND_KEY]))).verify(after)


@pytest.mark.parametrize(("model", "counter", "good"), [("VT-100", 6, False), ("VT-100", 7, True), ("VT-200", 1, True)])
def test_a26_the_lowest_counter_of_a_model_is_kept(model: str, counter: int, good: bool) -> None:
    least = compose({Role.SIGNER: (1, [KEY])}, counters={"VT-100": 7})
    sealed = seal(io.BytesIO(make_package(hardware=model, counter=counter)))
    if good:
        assert sealed.verify(least)
        return
    with pytest.raises(TrustError) as caught:
        sealed.verify(least)
    assert (caught.value.name, caught.value.exit_code) == ("rollback", 6)


# -- rotation ---------------------------------------------------------------------------------------------------------------


def test_a24_a_new_root_takes_the_threshold_of_the_old_and_of_the_new() -> None:
    new = rooted(NEW_ROOTS, 2)
    for old_count, new_count in itertools.product(range(4), repeat=2):
        signed = rotation.sign(new, [*ROOTS[:old_count], *NEW_ROOTS[:new_count]])
        if old_count >= 2 and new_count >= 2:
            assert rotation.judge(FIRST, signed)
            assert not rotation.missing(FIRST, signed)
            continue
        assert rotation.missing(FIRST, signed)
        with pytest.raises(TrustError):
            rotation.judge(FIRST, signed)


@pytest.mark.parametrize("version", [0, 1])
def test_a24_a_trust_file_never_goes_back(version: int) -> None:
    signed = rotation.sign(rooted(NEW_ROOTS, version), [*ROOTS, *NEW_ROOTS])
    with pytest.raises(TrustError) as caught:
        rotation.judge(FIRST, signed)
    assert caught.value.name == "rollback"


def test_a25_each_file_is_judged_by_the_one_before_it_and_by_no_other() -> None:
    last_roots = [ed25519_key(f"last root {n}") for n in range(3)]
    second = rotation.sign(rooted(NEW_ROOTS, 2), [*ROOTS, *NEW_ROOTS])
    third = rotation.sign(rooted(last_roots, 3), [*NEW_ROOTS, *last_roots])
    assert rotation.follow(FIRST, [second, third]) == third
    for chain in ([third], [third, second], [second, rotation.sign(rooted(last_roots, 3), [*ROOTS, *last_roots])]):
        with pytest.raises(TrustError):
            rotation.follow(FIRST, chain)


def test_a14_signatures_on_packages_do_not_rotate_trust_files() -> None:
    new = rooted(NEW_ROOTS, 2)
    block = signatures_of("package", new.digest, *ROOTS, *NEW_ROOTS)
    forged = trust.parse(trust.with_head(new.record) + block.build())
    with pytest.raises(TrustError):
        rotation.judge(FIRST, forged)


def test_without_a_root_the_signers_hand_over() -> None:
    first = compose({Role.SIGNER: (2, [KEY, SECOND_KEY, THIRD_KEY])})
    new = compose({Role.SIGNER: (1, [STRANGER])}, version=2)
    assert rotation.judge(first, rotation.sign(new, [KEY, THIRD_KEY, STRANGER]))
    for few in ([KEY, STRANGER], [KEY, SECOND_KEY], [STRANGER]):
        assert rotation.missing(first, rotation.sign(new, few))


def test_an_expired_root_still_hands_over_but_not_to_an_expired_one() -> None:
    old = rooted(ROOTS, 1, expires=NOW - DAY)
    assert rotation.follow(old, [rotation.sign(rooted(NEW_ROOTS, 2), [*ROOTS, *NEW_ROOTS])], NOW)
    late = rotation.sign(rooted(NEW_ROOTS, 2, expires=NOW - 1), [*ROOTS, *NEW_ROOTS])
    with pytest.raises(TrustError) as caught:
        rotation.follow(old, [late], NOW)
    assert caught.value.name == "expired"


def test_a11_every_flipped_bit_of_a_rotated_file_is_refused() -> None:
    signed = rotation.sign(rooted(NEW_ROOTS, 2), [*ROOTS[:2], *NEW_ROOTS[:2]])
    for bit, damaged in flips(signed.raw):
        with pytest.raises(ToolError):
            rotation.judge(FIRST, trust.parse(damaged))
            raise AssertionError(f"bit {bit} was accepted")
    for size in range(len(signed.raw)):
        with pytest.raises(ToolError):
            trust.parse(signed.raw[:size])


# -- what is pinned -----------------------------------------------------------------------------------------------------------


def put(folder: pathlib.Path, name: str, found: Trust) -> pathlib.Path:
    (folder / name).write_bytes(found.raw)
    return folder / name


def test_a24_nothing_unverified_is_ever_pinned(tmp_path: pathlib.Path) -> None:
    state = tmp_path / "state"
    trust_store.install([put(tmp_path, "first", FIRST)], state, now=NOW)
    pinned = (state / trust_store.PINNED).read_bytes()
    second = rotation.sign(rooted(NEW_ROOTS, 2), [*ROOTS, *NEW_ROOTS])
    bad_third = rotation.sign(rooted(ROOTS, 3), ROOTS)
    for chain in (
        [put(tmp_path, "unsigned", rooted(NEW_ROOTS, 2))],
        [put(tmp_path, "second", second), put(tmp_path, "bad third", bad_third)],
        [put(tmp_path, "stranger", rooted([STRANGER, THIRD_KEY], 9))],
        [put(tmp_path, "late", rotation.sign(rooted(NEW_ROOTS, 2, expires=1), [*ROOTS, *NEW_ROOTS]))],
    ):
        with pytest.raises(ToolError) as caught:
            trust_store.install(chain, state, now=NOW)
        assert caught.value.name == "trust_failed"
        assert (state / trust_store.PINNED).read_bytes() == pinned
    found, changed = trust_store.install([tmp_path / "second"], state, now=NOW)
    assert (found.digest, changed) == (second.digest, True)
    assert trust_store.install([tmp_path / "second"], state, now=NOW)[1] is False
    with pytest.raises(ToolError) as caught:
        trust_store.install([tmp_path / "first"], state, now=NOW)
    assert caught.value.name == "rollback"


def test_a_chain_may_begin_before_what_is_pinned(tmp_path: pathlib.Path) -> None:
    second = rotation.sign(rooted(NEW_ROOTS, 2), [*ROOTS, *NEW_ROOTS])
    third = rotation.sign(rooted(ROOTS, 3), [*NEW_ROOTS, *ROOTS])
    files = [put(tmp_path, name, found) for name, found in (("1", FIRST), ("2", second), ("3", third))]
    trust_store.install(files[:2], tmp_path / "state", now=NOW)
    assert trust_store.install(files, tmp_path / "state", now=NOW)[0].digest == third.digest


def test_rotation_by_hand(run: Fwtool, tmp_path: pathlib.Path) -> None:
    for name in ("r1", "r2", "r3", "maker", "maker2"):
        assert run("keys", "generate", "--out", f"{name}.pem").code == 0
        assert run("keys", "public", f"{name}.pem", "--out", f"{name}.pub.pem").code == 0
    root = "root=2:r1.pub.pem,r2.pub.pem,r3.pub.pem"
    assert run("trust", "create", "maker.pub.pem", "--role", root, "--out", "v1").code == 0
    assert run("trust", "install", "v1").code == 0
    made = run(
        "trust", "create", "maker2.pub.pem", "--role", root, "--version", "2", "--revoke", "maker.pub.pem",
        "--minimum-counter", "VT-100=5", "--expires", "2099-01-01", "--out", "v2", "--json",
    ).result["data"]  # fmt: skip
    assert (made["minimum_counters"], len(made["revoked"]), made["expires"]) == ({"VT-100": 5}, 1, 4070908800)
    assert run("trust", "install", "v2").code == 4
    first = run("trust", "rotate", "--old", "v1", "--new", "v2", "--key", "r1.pem", "--out", "v2", "--json").result["data"]
    assert not first["complete"]
    assert "1 of 2" in first["missing"]
    assert run("trust", "install", "v2").code == 4
    done = run("trust", "rotate", "--old", "v1", "--new", "v2", "--key", "r3.pem", "--out", "v2")
    assert "complete, follows version 1" in done.out
    assert run("trust", "install", "v2", "--json").result["changed"] is True
    shown = run("trust", "show", "v2").out
    assert "until 2099-01-01" in shown
    assert "VT-100: security counter 5 or more" in shown
    assert "root: 2 of 3" in shown


@pytest.mark.parametrize(
    "options",
    [
        ("--role", "root=2"),
        ("--role", "king=1:maker.pub.pem"),
        ("--role", "signer=1:maker.pub.pem"),
        ("--expires", "tomorrow"),
        ("--minimum-counter", "VT-100"),
        ("--threshold", "2"),
    ],
)
def test_wrong_trust_options_are_usage_errors(run: Fwtool, keys: pathlib.Path, options: tuple[str, ...]) -> None:
    done = run("trust", "create", "maker.pub.pem", *options, "--out", "x")
    assert done.code == 2, done
    assert not (keys / "x").exists()


def test_an_empty_block_is_not_enough_for_anything() -> None:
    for kind in ("package", "trust"):
        with pytest.raises(TrustError) as caught:
            FIRST.require(kind, DIGEST, SignatureBlock())
        assert caught.value.name == "not_signed"
