"""What can go wrong, split by who can mend it.

FocuswatchError          one sentence: where, what was found, what was expected, what to do
├── ExportError          the export's files; whoever delivers or copies them
│   └── NothingDelivered there are no files yet; nobody, where a new export is waited for
├── CatalogError         a detection's, report's, table's or case's file; its author
├── ConfigError          owners.toml, accounts, activity, an option of the command; the operator
├── QueryError           a statement the engine refused or could not finish
├── LedgerError          the ledger's file, or a finding it does not know
└── DeliveryError        what could not be told in Slack or Jira
    ├── TryLater         nothing was made there; the same again after some seconds
    ├── Unsure           no answer came: it may have been made; look before making it again
    └── Refused          it will not be taken as it is; the operator mends config, secret or permission
"""


class FocuswatchError(Exception):
    """The root of everything focuswatch raises on purpose; its text is for the user."""


class ExportError(FocuswatchError):
    """The export cannot be read as FOCUS data, or only in part."""


class NothingDelivered(ExportError):  # noqa: N818  what it is, and not always an error
    """There is no file at all where the export is looked for."""


class CatalogError(FocuswatchError):
    """Files of the catalog break a rule; the text names every one of them."""


class ConfigError(FocuswatchError):
    """Something the operator wrote, or an option of the command, cannot be used."""


class QueryError(FocuswatchError):
    """A statement failed on the engine."""


class LedgerError(FocuswatchError):
    """The ledger cannot be opened, or does not know what it was asked for."""


class DeliveryError(FocuswatchError):
    """Something could not be told; it stays to be told."""


class TryLater(DeliveryError):  # noqa: N818  what to do
    """Nothing was made at the other end; the same again after `seconds`."""

    def __init__(self, why: str, *, seconds: float) -> None:
        super().__init__(why)
        self.seconds = seconds


class Unsure(DeliveryError):  # noqa: N818  what is known
    """The other end gave no answer that says whether it was done."""


class Refused(DeliveryError):  # noqa: N818  what happened
    """The other end will not take it, now or later; somebody has to mend something."""
