"""The query of invocation logs cannot return a prompt or a completion, whatever metadata keys are configured."""

import re
import string
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from pydantic import ValidationError

from focuswatch.collect.invocation_token_sums_query import invocation_query
from focuswatch.owners.owners_file import Owners
from focuswatch.owners.token_sum_metadata_keys_section import METADATA_KEY
from tests.fakes.local_logs_insights import SECRET, evaluated, invocation

FIRST = datetime(2026, 3, 30, tzinfo=UTC)
UNTIL = FIRST + timedelta(days=1)
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
# Every field of a log record that a query may read.
ALLOWED_FIELDS = {
    "modelId", "identity.arn", "input.inputTokenCount", "output.outputTokenCount", "input.cacheReadInputTokenCount",
    "input.cacheWriteInputTokenCount",
}  # fmt: skip
HOSTILE = (
    "`", "a` as x, @message as y", "a`\n| fields @message", "a, @message", "a as b | display @message", "@message",
    "x.y", "..input.inputBodyJson", "a b", "a\nb", "a|b", "a#b", "a'b", 'a"b', "a(b)", "", "é", "a\u2028b", "a\x00",
    "a" * 65, "a\n",
)  # fmt: skip


def fields_of(query):
    """Return the fields of log records that a query names, and assert that it has no other form."""
    selected, condition, sums = query.split("\n| ")
    pairs = re.findall(r"(?:^fields |, )([^,]+?) as (\w+)(?=, |$)", selected)
    assert selected == "fields " + ", ".join(f"{name} as {alias}" for name, alias in pairs)
    aliases = {alias for _, alias in pairs}
    assert len(aliases) == len(pairs)
    assert re.fullmatch(
        r"filter ispresent\(model\) and toMillis\(@timestamp\) >= \d+ and toMillis\(@timestamp\) < \d+",
        condition,
    )
    function = r"(?:count\(\*\)|(?:count|sum)\((\w+)\)) as \w+"
    match = re.fullmatch(rf"stats {function}(?:, {function})* by (\w+(?:, \w+)*)", sums)
    assert match
    named = set(re.findall(r"\((\w+)\)", sums)) | set(match.groups()[-1].split(", "))
    assert named <= aliases
    return {name for name, _ in pairs}


def test_only_counts_the_model_the_caller_and_the_configured_metadata_are_read():
    query = invocation_query(["run_id", "test-case"], first=FIRST, until=UNTIL)
    assert fields_of(query) == ALLOWED_FIELDS | {"`requestMetadata.run_id`", "`requestMetadata.test-case`"}
    assert fields_of(invocation_query([], first=FIRST, until=UNTIL)) == ALLOWED_FIELDS


@pytest.mark.parametrize("key", HOSTILE, ids=repr)
def test_key_that_is_not_a_plain_name_is_refused_by_owners_file_and_query(key):
    """It could contain query syntax. The query checks the key too, in case it does not come from owners.toml."""
    with pytest.raises(ValueError, match="not a metadata key"):
        invocation_query([key], first=FIRST, until=UNTIL)
    with pytest.raises(ValidationError):
        Owners.model_validate({"invocation_logs": {"metadata_keys": [key]}})


def test_random_keys_read_no_other_field_and_return_no_prompt():
    """Each of 3,000 random keys, many with query syntax, is either refused or read as one plain field."""
    rng, accepted = Random(7), 0
    alphabet = string.ascii_letters + string.digits + "_-.`@|#,()* \n\"'\\$:;/é" + "inputBodyJson"
    record = invocation(FIRST, model=HAIKU, tokens=(1, 1, 0, 0), metadata={"run_id": "r1"})
    for _ in range(3000):
        key = "".join(rng.choices(alphabet, k=rng.randint(0, 12)))
        try:
            query = invocation_query([key], first=FIRST, until=UNTIL)
        except ValueError:
            assert not METADATA_KEY.fullmatch(key)
            continue
        accepted += 1
        assert fields_of(query) == ALLOWED_FIELDS | {f"`requestMetadata.{key}`"}
        assert SECRET not in str(evaluated(query, [record]))
    assert accepted > 300  # noqa: PLR2004  otherwise the test would cover refusals only


def test_local_logs_insights_returns_a_prompt_that_a_query_selects():
    """Otherwise the test above could not fail."""
    record = invocation(FIRST, model=HAIKU, tokens=(1, 1, 0, 0))
    for name in ("@message", "output.outputBodyJson.answer", "input.inputBodyJson.messages.0.content.0.text"):
        query = f"fields {name} as selected\n| stats count(*) as n by selected"
        assert SECRET in str(evaluated(query, [record]))


def test_owners_file_accepts_at_most_five_distinct_keys():
    for keys in (["a"] * 2, list("abcdef")):
        with pytest.raises(ValidationError):
            Owners.model_validate({"invocation_logs": {"metadata_keys": keys}})
    assert Owners.model_validate({"invocation_logs": {"metadata_keys": list("abcde")}})
