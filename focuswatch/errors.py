"""The exceptions that focuswatch raises on purpose, grouped by who can fix the cause.

FocuswatchError          the message says where, what was found, what was expected and what to do
├── ExportError          the export's files; fixed by whoever delivers or copies them
│   └── NothingDelivered no files yet; resolves itself if a new export is awaited
├── CatalogError         the file of a detection, report, table or test case; fixed by its author
├── ConfigError          owners.toml, accounts, activity or a command option; fixed by the operator
├── QueryError           a statement that the engine rejected or could not complete
│   └── SlowQueryError   a statement that exceeded the time limit of its caller
├── FetchError           a vendor's API; fixed by the operator (key, permission), or by a later run
├── LedgerError          the ledger cannot be opened, or does not contain the requested finding
└── DeliveryError        a notification that could not be delivered to a channel, such as Slack or Jira
    ├── TryLater         nothing was created; retry after some seconds
    ├── Unsure           no response: the message may exist; check before creating it again
    └── Refused          rejected permanently; the operator corrects the configuration, secret or permission
"""


class FocuswatchError(Exception):
    """The base class of all errors that focuswatch raises on purpose; the message is for the user."""


class ExportError(FocuswatchError):
    """The export cannot be read as FOCUS data, or can be read only in part."""


class NothingDelivered(ExportError):  # noqa: N818  what it is, and not always an error
    """The location of the export contains no files."""


class CatalogError(FocuswatchError):
    """Files of the catalog are invalid; the message lists every problem."""


class ConfigError(FocuswatchError):
    """A configuration file or a command option is not valid."""


class QueryError(FocuswatchError):
    """A statement failed on the engine."""


class SlowQueryError(QueryError):
    """A statement was stopped because it exceeded the time limit of its caller."""


class FetchError(FocuswatchError):
    """A vendor's API did not return the charges; `status` is the HTTP status, or 0 if there was no response."""

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
