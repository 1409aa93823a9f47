"""Write the charges of one billing period from the raw export, read once, into a new folder of `daily_charges`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from focuswatch.bill.refresh.athena_refresh_queries import SERVICES, charges_of_period, portions_of_paths
from focuswatch.bill.refresh.write_read_delete_athena_table_files import AthenaTableFiles
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.athena_engine import AthenaEngine
from focuswatch.errors import QueryError, SlowQueryError

# A refresh must end within the Lambda time limit of 15 minutes. Larger billing periods are not sorted, and a sort that
# takes longer is cancelled.
MOST_SORTED_BYTES = 10e9
MOST_SORTING_SECONDS = 300
# Athena's errors if a statement needs too much memory. Failed statements are not billed; cancelled statements are.
# https://docs.aws.amazon.com/athena/latest/ug/performance-tuning-service-level-considerations.html
EXHAUSTED = re.compile(r"exhausted resources|EXCEEDED_\w*MEMORY|INSUFFICIENT_RESOURCES", re.IGNORECASE)


@dataclass
class ChargesWriter:
    """Writes the periods of one refresh; after the first period that Athena cannot sort, no period is sorted."""

    engine: AthenaEngine
    files: AthenaTableFiles
    catalog: Catalog
    can_sort: bool = True

    def write(self, *, period: str, paths: Sequence[str], delivered_bytes: int) -> str:
        """Write the period's charges, and return the address of their folder. Raises QueryError.

        `paths` is as in `charges_of_period`, but of any length. The rows are sorted, unless the period is large, its
        paths do not fit into one statement, or Athena has too little memory or takes too long to sort it.
        """
        some = list(portions_of_paths(paths))
        if self.can_sort and len(some) == 1 and delivered_bytes <= MOST_SORTED_BYTES:
            try:
                return self._unload(period, some=some, is_sorted=True)
            except QueryError as error:
                if not (isinstance(error, SlowQueryError) or EXHAUSTED.search(str(error))):
                    raise
                self.can_sort = False
        return self._unload(period, some=some, is_sorted=False)

    def _unload(self, period: str, *, some: Sequence[Sequence[str]], is_sorted: bool) -> str:
        """Write one portion of files into a new folder, or several into its subfolders; delete it after a failure.

        Several portions are possible, because a partition includes subfolders and a key may have several rows per day.
        """
        folder = self.files.new_folder("daily_charges", period)
        try:
            for number, portion in enumerate(some):
                self.engine.unload(
                    charges_of_period(self.catalog, period=period, paths=portion, is_sorted=is_sorted),
                    to=f"{folder}{number:04}/" if len(some) > 1 else folder,
                    label=f"refresh of {period}",
                    partitioned_by=SERVICES,
                    most_seconds=MOST_SORTING_SECONDS if is_sorted else None,
                )
        except QueryError:
            # Athena does not delete what it wrote: https://docs.aws.amazon.com/athena/latest/ug/unload.html
            self.files.discard(folder)
            raise
        return folder
