"""What is wrong with the meaning of rules: unknown names, conditions that cannot hold, words that miss or harm."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

from fwtool.causes.advice import dangers
from fwtool.causes.conditions import BY_ID, admits, implies, possible, values, variable
from fwtool.causes.model import Condition, Rule, Urgency
from fwtool.causes.parts import PARTS
from fwtool.causes.ranking import ALL, OWN_RULE, PLACE
from fwtool.causes.steps import STEPS
from fwtool.quantities import QUANTITIES

CHINESE: Final = ("\u4e00", "\u9fff")


def problems(rules: Sequence[Rule], added: Sequence[Rule], base: Sequence[Rule]) -> list[str]:
    """What is wrong with the rules that were added.

    Args:
        rules: All of them in ranking order.
        base: What was there before; only its rules of no danger may be replaced.
    """
    found = list(_identities(added, base))
    for rule in added:
        unknown = [*_unknown(rule), *_empty(rule)]
        found += [f"rule {rule.id}: {problem}" for problem in (unknown or [*_words(rule), *_conditions(rule)])]
    if not found:
        found += [f"rule {rule.id}: {problem}" for rule in rules for problem in _never(rule, rules)]
    return found


def _identities(added: Sequence[Rule], base: Sequence[Rule]) -> Iterator[str]:
    there = {rule.id: rule for rule in base}
    seen: set[str] = set()
    for rule in added:
        old = there.get(rule.id)
        if rule.id in seen:
            yield f"rule {rule.id} is there twice"
        elif rule.id.startswith(OWN_RULE):
            yield f"rule {rule.id}: ids that begin with {OWN_RULE!r} belong to the checks"
        elif old and not rule.replace:
            yield f"rule {rule.id} is there already; `replace = true` takes its place"
        elif old and (old.withholds or old.urgency <= Urgency.MONEY):
            yield f"rule {rule.id} protects people, keys or money and cannot be replaced"
        elif rule.replace and not old:
            yield f"rule {rule.id} replaces nothing"
        seen.add(rule.id)


def _unknown(rule: Rule) -> Iterator[str]:
    conditions = (*rule.when, *rule.any_of, *rule.unless)
    for name in (*rule.explains, *rule.consequences, *(one.finding for one in conditions if one.finding)):
        if name not in BY_ID:
            yield f"there is no check {name!r}"
    for name in (*(one.quantity for one in conditions if one.quantity), *PLACE.findall(rule.reason.en + rule.reason.zh)):
        if name not in QUANTITIES:
            yield f"there is no measurement {name!r}"
    for name in (*rule.steps, *(one for one in rule.withholds if one != ALL)):
        if name not in STEPS:
            yield f"there is no step {name!r}; known: {', '.join(STEPS)}"


def _empty(rule: Rule) -> Iterator[str]:
    """What a rule needs to be one."""
    if rule.part and rule.part not in PARTS:
        yield f"there is no part class {rule.part!r}; known: {', '.join(PARTS)}"
    if not rule.explains:
        yield "it explains no finding"
    if not rule.when and not rule.any_of:
        yield "it has no condition"
    if ALL in rule.withholds and rule.urgency is not Urgency.SECURITY:
        yield "only a security case may withhold everything"


def filled(rule: Rule) -> Rule:
    """The rule with the words of its first check where it has none of its own."""
    check = BY_ID[rule.explains[0]]
    return dataclasses.replace(
        rule,
        cause=rule.cause if any(rule.cause) else check.cause,
        action=rule.action if any(rule.action) else check.action,
        part=check.part if not any(rule.action) and not rule.part else rule.part,
    )


def _words(rule: Rule) -> Iterator[str]:
    whole = filled(rule)
    for name, words in (("reason", whole.reason), ("cause", whole.cause), ("action", whole.action)):
        if not words.en.strip() or not words.en.isascii():
            yield f"its {name} is not in English"
        if not any(CHINESE[0] <= character <= CHINESE[1] for character in words.zh):
            yield f"its {name} is not in Chinese"
        yield from (f"its {name} advises {danger}" for danger in dangers(words))
    for step in rule.steps:
        word = STEPS[step]
        if word.en.lower() not in whole.action.en.lower() or word.zh not in whole.action.zh:
            yield f"its action does not say the step {step!r} ({word.en!r}, {word.zh!r})"
    yield from _numbers(rule)


def _numbers(rule: Rule) -> Iterator[str]:
    """A reason has the numbers by which it was found."""
    english, chinese = (set(PLACE.findall(text)) for text in rule.reason)
    if english != chinese:
        yield "its reason does not have the same measurements in both languages"
    if "{" in PLACE.sub("", rule.reason.en + rule.reason.zh):
        yield "its reason has a brace that is no {measurement}"
    told = {variable(condition) for condition in (*rule.when, *rule.any_of)} & QUANTITIES.keys()
    if not english and any(not QUANTITIES[name].named for name in told):
        yield f"its reason prints none of the measured numbers ({', '.join(sorted(told))})"


def _conditions(rule: Rule) -> Iterator[str]:
    for condition in (*rule.when, *rule.any_of, *rule.unless):
        problem = _pointless(condition)
        if problem:
            yield problem
    for name in dict.fromkeys(variable(condition) for condition in rule.when):
        if not possible(rule, name):
            yield f"it is unreachable: no value of {name!r} meets all its conditions"
    for condition in rule.any_of:
        if not any(admits(condition, value) for value in possible(rule, variable(condition), [condition])):
            yield f"a condition of 'any' on {variable(condition)!r} can never hold"


def _pointless(condition: Condition) -> str:
    """A condition that no value meets, or all do that were told."""
    name = variable(condition)
    told = [value for value in values(name, [condition]) if value is not None]
    met = [value for value in told if admits(condition, value)]
    if not met and not admits(condition, None):
        return f"a condition on {name!r} is unreachable: it goes beyond what can be measured"
    if condition.quantity and len(met) == len(told):
        return f"a condition on {name!r} always holds"
    return ""


def _never(rule: Rule, rules: Sequence[Rule]) -> Iterator[str]:
    """Other rules that always come before and leave nothing of this one."""
    own = set(rule.explains)
    for other in rules[: rules.index(rule)]:
        follows = own <= set(other.consequences)
        same = own <= set(other.explains) and rule.steps == other.steps
        if (follows or same) and implies(rule, other):
            yield f"it is unreachable: where it holds, {other.id} holds too, and says all of it"
    later = {one for other in rules[rules.index(rule) + 1 :] for one in other.explains}
    for name in rule.consequences:
        if name not in later:
            yield f"its consequence {name!r} is explained by no rule behind it"
