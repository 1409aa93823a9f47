"""Rules for the AI usage of a use case (`models`, `batch` and `regions`), as rows of the table `policy_rules`.

The names of models on the bill differ from those of the Bedrock API: `Claude4Sonnet` is
`anthropic.claude-sonnet-4-20250514-v1:0`. Therefore a pattern is compared by its words and numbers: a model is allowed
if its name on the bill contains all of them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

# https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html
MODEL_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*\*?")
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
SCOPE = re.compile(r"^(us|eu|apac|jp|au|ca|us-gov|global)\.")
PROVIDER = re.compile(r"^[a-z0-9]+\.(?=[a-z])")
VERSION = re.compile(r"(-\d{8})?(-v\d+)?(:\d+)?(:\d+k)?$")
REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]")


class UsagePolicy(Protocol):
    """The keys of `[use_cases.NAME]` that define rules for AI usage."""

    @property
    def models(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def batch(self) -> Literal["required"] | None: ...  # noqa: D102
    @property
    def regions(self) -> Sequence[str]: ...  # noqa: D102


@dataclass(frozen=True)
class PolicyRule:
    """A row of `policy_rules`: one word of a pattern, a Region, or (both None) that batch is required.

    A number has a space on both sides, so that 4 does not match in 405; a word has none, because the bill joins words
    (`NovaLite`).
    """

    use_case: str
    rule: Literal["model", "region", "batch"]
    pattern: str | None
    word: str | None


def policy_rules_of(name: str, policy: UsagePolicy) -> Iterator[PolicyRule]:
    """Yield the rows of a use case's rules."""
    for pattern in policy.models:
        yield from (PolicyRule(name, "model", pattern, word) for word in words_of(pattern))
    yield from (PolicyRule(name, "region", region, region) for region in policy.regions)
    if policy.batch:
        yield PolicyRule(name, "batch", None, None)


def words_of(pattern: str) -> list[str]:
    """Return the words and numbers of a model ID or pattern, without its scope, provider, date and version."""
    text = VERSION.sub("", PROVIDER.sub("", SCOPE.sub("", pattern.lower().removesuffix("*"))))
    found = re.findall(r"[a-z]+|[0-9]+", text)
    return list(dict.fromkeys(f" {word} " if word.isdigit() else word for word in found))


def usage_policy_problems(where: str, policy: UsagePolicy, *, has_rows: bool) -> Iterator[str]:
    """Yield the mistakes in a use case's rules, each as a sentence that starts with its place in the file."""
    given = {"models": policy.models, "batch": policy.batch, "regions": policy.regions}
    if not has_rows:
        for key in (key for key, value in given.items() if value):
            yield f"{where}.{key}: found no `rows`; expected `rows` that select the charges of the use case."
    for pattern in policy.models:
        if not MODEL_PATTERN.fullmatch(pattern) or not words_of(pattern):
            yield (
                f"{where}.models: found '{pattern}', expected a Bedrock model ID, or a prefix and '*' such as "
                "anthropic.claude-haiku*."
            )
    for region in policy.regions:
        if not REGION.fullmatch(region):
            yield f"{where}.regions: found '{region}', expected a Region such as eu-west-1."
