"""Check the rules that every SQL file of the catalog must follow and that need no engine.

For example, the SQL uses each parameter of the header, and names of amounts end in `_usd`.
"""

import re
from collections.abc import Iterator

from focuswatch.catalog.sql_header_models import ID_PATTERN, DetectionHeader, Header, Parameter
from focuswatch.engines.fill_placeholders_with_literals import placeholders
from focuswatch.engines.skip_or_remove_sql_comments import without_comments_and_strings

BUILT_IN = {
    "as_of": "the first day that is not evaluated",
    "first_new_day": "the first day that the previous scan did not evaluate",
    "required_tags": "the tag keys that owners.toml requires",
    "tag_prefix": "a regular expression for the prefixes that cost allocation adds to tag keys",
}
# Former names of placeholders, which are accepted for one more version.
FORMER_NAMES = {"first_new_day": "news_since"}
# Key of the exchange rate among the values of a statement: units of the billing currency for one US dollar.
PER_USD = "per_usd"
USD_SUFFIX = "_usd"  # required suffix of parameters that are amounts of money, in USD
FILL_IN = "FILL IN"  # placeholder in the files that `focuswatch new` creates
# Last words of parameter names that mean an amount of money.
MONEY_WORDS = re.compile(r"(cost|costs|spend|spent|money|amount|price|charge)")
AWS_COMMAND = re.compile(r"\baws [a-z0-9-]+ [a-z0-9-]+")
VALID_ID = "3 to 60 lowercase letters, digits and underscores, starting with a letter"


def broken_rules(id: str, *, header: Header, sql: str, text: str) -> Iterator[str]:
    """Yield the rules that a file breaks; `text` is the whole file, `sql` its query."""
    if not re.fullmatch(ID_PATTERN, id):
        yield f"the file name '{id}' is not a valid ID; expected {VALID_ID}."
    if FILL_IN in text:
        yield f"found the placeholder '{FILL_IN}'; replace it with your own text."
    if isinstance(header, DetectionHeader):
        yield from _broken_detection_rules(header)
    yield from _broken_parameter_rules(header.parameters, sql=sql)
    if not re.match(r"(SELECT|WITH)\b", sql):
        yield "no query found after the header; expected a query that starts with SELECT or WITH."
    if ";" in without_comments_and_strings(sql):
        yield "found ';'; expected one statement without a semicolon."


def _broken_detection_rules(header: DetectionHeader) -> Iterator[str]:
    if (header.kind == "series") != bool(header.scoring):
        yield '[scoring] is required with kind = "series" and not allowed with other kinds.'
    if _misuses_pace(header):
        yield '[pace] is required with kind = "forecast" and not allowed with kind = "series".'
    if _misuses_action_of_others(header):
        yield (
            'action_of_others is required with providers = "all" if action contains an AWS command. '
            'action_of_others must not contain an AWS command, and is not allowed with providers = "AWS".'
        )


def _misuses_pace(header: DetectionHeader) -> bool:
    return header.pace is None if header.kind == "forecast" else bool(header.pace) and header.kind == "series"


def _misuses_action_of_others(header: DetectionHeader) -> bool:
    others = header.action_of_others
    if header.providers == "AWS":
        return others is not None
    return bool(AWS_COMMAND.search(header.action if others is None else others))


def _broken_parameter_rules(parameters: dict[str, Parameter], *, sql: str) -> Iterator[str]:
    used, names = placeholders(sql), set(parameters)
    if unknown := used - names - set(BUILT_IN):
        yield (
            f"no value for {', '.join(f'${name}' for name in sorted(unknown))}; add each parameter under [parameters], "
            f"or use a built-in parameter: {', '.join(BUILT_IN)}."
        )
    if unused := names - used:
        yield f"the SQL does not use {', '.join(sorted(unused))}; remove unused parameters from [parameters]."
    if unmarked := sorted(name for name in names if MONEY_WORDS.fullmatch(name.rpartition("_")[2])):
        yield (
            f"the name of an amount under [parameters] must end in {USD_SUFFIX}: rename {', '.join(unmarked)} to "
            f"{', '.join(f'{name}{USD_SUFFIX}' for name in unmarked)}, and specify the amount in USD. focuswatch "
            "converts the amount to the bill's currency."
        )
    if broken := sorted(
        name for name in names if name.endswith(USD_SUFFIX) and not _is_number(parameters[name])
    ):
        yield f"{', '.join(broken)}: expected a number (an amount in USD)."
    if shadowed := names & {*BUILT_IN, PER_USD}:
        yield (
            f"[parameters] must not contain {', '.join(sorted(shadowed))}, because focuswatch sets the values."
        )


def _is_number(value: Parameter) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
