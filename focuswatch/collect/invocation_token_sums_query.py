"""Build the query of model invocation logs that sums token counts by model, caller and request metadata.

A log record also contains the prompt and the response (`input.inputBodyJson`, `output.outputBodyJson`). The query does
not read these fields or `@message`, and returns no log events: CloudWatch Logs Insights computes the sums inside the
account. Metadata keys become part of the query text, so the query accepts only keys that cannot change its meaning.
https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

from collections.abc import Sequence
from datetime import datetime

from focuswatch.owners.token_sum_metadata_keys_section import METADATA_KEY

TOKEN_FIELDS = {  # fields of a log record by name of their sum
    "input_tokens": "input.inputTokenCount",
    "output_tokens": "output.outputTokenCount",
    "cache_read_tokens": "input.cacheReadInputTokenCount",
    "cache_write_tokens": "input.cacheWriteInputTokenCount",
}
GROUP_FIELDS = {"model": "modelId", "principal": "identity.arn"}
METADATA = "requestMetadata"


def key_name(place: int) -> str:
    """Return the query's name for the metadata key at index `place`."""
    return f"key_{place}"


def invocation_query(metadata_keys: Sequence[str], *, first: datetime, until: datetime) -> str:
    """Return the query for calls in [first, until). Raises ValueError for an invalid metadata key.

    The query also filters by time, because StartQuery accepts only whole seconds and includes both ends.
    """
    named = dict(GROUP_FIELDS)
    for place, key in enumerate(metadata_keys):
        if not METADATA_KEY.fullmatch(key):
            raise ValueError(f"not a metadata key: {key!r}")
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Guidelines.html
        named[key_name(place)] = f"`{METADATA}.{key}`"
    counted = {f"call_{name}": field for name, field in TOKEN_FIELDS.items()}
    selected = ", ".join(f"{field} as {name}" for name, field in (named | counted).items())
    sums = ", ".join(f"sum(call_{name}) as {name}" for name in TOKEN_FIELDS)
    return (
        f"fields {selected}\n"
        f"| filter ispresent(model) and toMillis(@timestamp) >= {_milliseconds(first)} "
        f"and toMillis(@timestamp) < {_milliseconds(until)}\n"
        f"| stats count(*) as invocations, count(call_input_tokens) as counted_invocations, {sums} "
        f"by {', '.join(named)}"
    )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
