"""Determine the use case and intent of findings from tags of the resource and account."""

from collections.abc import Mapping

from focuswatch.engines import Engine
from focuswatch.ledger import LedgerEntry
from focuswatch.owners.assign_owner_and_use_case import assigned_purpose
from focuswatch.owners.owners_file import Owners

ACCOUNT_TAGS = "SELECT sub_account_id, tags FROM accounts"
Purpose = tuple[str | None, str | None]  # use case and intent
AccountTags = Mapping[str, Mapping[str, str | None]]


def purpose_of_finding(entry: LedgerEntry, *, owners: Owners, account_tags: AccountTags) -> Purpose:
    """Return the use case and intent of a finding's charges."""
    finding = entry.finding
    return assigned_purpose(
        owners,
        tags=finding.evidence.get("tags"),
        account_id=finding.sub_account_id,
        account_tags=account_tags.get(finding.sub_account_id or ""),
        resource_id=finding.resource_id,
        team=finding.team,
    )


def tags_of_accounts(engine: Engine) -> AccountTags:
    """Return the tags of every account. Raises QueryError."""
    return {
        row["sub_account_id"]: row["tags"] or {}
        for row in engine.query(ACCOUNT_TAGS, label="tags of accounts")
    }
