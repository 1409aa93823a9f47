"""Commands in a finding's `action`: what may be offered to copy.

A command is offered only where every name in it is a plain word: whoever pastes it runs what stands there.
"""

import re

from focuswatch.findings import Finding

WORD = r"[A-Za-z0-9_./:=,@+%-]*[A-Za-z0-9_/=@%]"
VALUE = rf"(?:{WORD}(?: \.\.\.)?|\.\.\.)"  # an ellipsis is for whoever pastes it to fill
# Possessive: what does not end where a word ends is no command, and neither is the beginning of it.
COMMAND = re.compile(
    rf"\baws [a-z0-9-]++ [a-z0-9-]++(?: --[a-z][a-z0-9-]*+(?: (?!--){VALUE})?+)*+(?=[\s,.;)]|\Z)"
)
PLAIN_WORD = re.compile(r"[A-Za-z0-9_./:=,@+%-]*")
NOT_COPIED = (
    "A name in this finding holds characters that a shell would act on, so no command is offered to copy."
)


def names_are_plain(finding: Finding) -> bool:
    """Whether nothing that the bill names could turn a command into another, or look like one."""
    ids = (finding.sub_account_id, finding.region_id, finding.resource_id)
    lists = [one for value in finding.evidence.values() if isinstance(value, list) for one in value]
    names = [str(one) for one in (finding.sub_account_name, finding.service_name, *lists) if one]
    texts = [
        one for one in finding.evidence.values() if isinstance(one, str)
    ]  # a detection's own commands too
    return (
        all(PLAIN_WORD.fullmatch(one or "") for one in ids)
        and not any("aws " in one for one in names)
        and not any("\n" in one for one in (*names, *texts))
    )
