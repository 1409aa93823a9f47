"""The section `[invocation_logs]` of owners.toml: keys of request metadata by which Bedrock tokens are summed."""

import re
from typing import Annotated, Self

from pydantic import Field, model_validator

from focuswatch.owners.section_base_class_and_shared_types import OwnersSection

# A subset of the characters that Bedrock accepts; none of them ends or extends a field name in a query:
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html (requestMetadata)
METADATA_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
MOST_KEYS = 5  # each key multiplies the rows per day

MetadataKey = Annotated[str, Field(pattern=rf"^{METADATA_KEY.pattern}$")]


class InvocationMetadata(OwnersSection):
    """The keys of `requestMetadata`, such as the ID of a run or customer; without keys, tokens are summed by caller."""

    metadata_keys: Annotated[list[MetadataKey], Field(max_length=MOST_KEYS)] = []

    @model_validator(mode="after")
    def _check_keys_differ(self) -> Self:
        if len(set(self.metadata_keys)) < len(self.metadata_keys):
            raise ValueError("metadata_keys: found the same key twice; remove one")
        return self
