"""Look up the ids of Slack channels by their names in owners.toml, and store them."""

from typing import TYPE_CHECKING

from focuswatch.notify.slack.message_poster_protocol import Poster

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


class Channels:
    """Looks up the ids of channels by their names in owners.toml, and stores them."""

    def __init__(self, table: "Table", slack: Poster) -> None:
        self._table, self._slack = table, slack

    def id(self, name: str) -> str:
        """Return the id of a channel; a name without `#` is already an id."""
        if not name.startswith("#") or not self._slack.has_channel_ids:
            return name
        key = {"kind": "slack channel", "id": name}
        item = self._table.get_item(Key=key).get("Item")
        if item and "channel" in item:
            return str(item["channel"])
        id = self._slack.channel_id(name)
        self._table.put_item(Item={**key, "channel": id})
        return id

    def forget(self, name: str) -> None:
        """Forget the stored id, because the channel may be archived and another one may have its name."""
        self._table.put_item(Item={"kind": "slack channel", "id": name})
