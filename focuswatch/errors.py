"""Errors of focuswatch, by who can fix them.

FocuswatchError          where, what was found, what was expected, what to do
├── ExportError          the export's files; fixed by whoever delivers or copies them
│   └── NothingDelivered no files yet; resolves itself if a new export is awaited
├── CatalogError         a file of a detection, report, table or case; fixed by its author
├── ConfigError          owners.toml, accounts, activity or a command option; fixed by the operator
├── QueryError           a statement that the engine rejected or could not complete
├── FetchError           a vendor's API; fixed by the operator (key, permission), or by a later run
├── LedgerError          the ledger's file, or a finding that is not in the ledger
└── DeliveryError        a notification that could not be delivered to Slack or Jira
    ├── TryLater         nothing was created; retry after some seconds
    ├── Unsure           no response: the message may exist; check before creating it again
    └── Refused          rejected as it is; the operator corrects configuration, secret or permission
"""


class FocuswatchError(Exception):
    """The base class of all errors that focuswatch raises on purpose; the text is for the user."""


class ExportError(FocuswatchError):
    """The export cannot be read as FOCUS data, or only in part."""


class NothingDelivered(ExportError):  # noqa: N818  what it is, and not always an error
    """The location of the export contains no files."""


class CatalogError(FocuswatchError):
    """Files of the catalog break rules; the text lists each of them."""


class ConfigError(FocuswatchError):
    """A configuration file or a command option is not valid."""


class QueryError(FocuswatchError):
    """A statement failed on the engine."""


class SlowQueryError(QueryError):
    """A statement was stopped because it ran longer than its caller waits."""


class FetchError(FocuswatchError):
    """The API of a vendor did not return its charges; `status` is the HTTP status, 0 if there was none."""

    def __init__(self, why: str, *, status: int = 0) -> None:
        super().__init__(why)
        self.status = status


class LedgerError(FocuswatchError):
    """The ledger cannot be opened, or does not contain the requested finding."""


class DeliveryError(FocuswatchError):
    """A notification could not be delivered; it remains pending."""


class TryLater(DeliveryError):  # noqa: N818  what to do
    """Nothing was created in the channel; retry after `seconds`."""

    def __init__(self, why: str, *, seconds: float) -> None:
        super().__init__(why)
        self.seconds = seconds


class Unsure(DeliveryError):  # noqa: N818  what is known
    """The channel did not confirm whether the request was carried out."""


class Refused(DeliveryError):  # noqa: N818  what happened
    """The channel rejects the request permanently; the operator has to correct something."""
