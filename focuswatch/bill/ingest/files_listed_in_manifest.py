"""Read the manifest of a delivery and find the data files that it lists.

Only `dataFiles` is used; `additionalOutputFiles` contain SQL for other tools, not data.
"""

from pathlib import PurePosixPath

from pydantic import BaseModel, Field, ValidationError

from focuswatch.bill.ingest.export_file_and_listing_models import ExportFile
from focuswatch.bill.ingest.parse_delivery_folder_names import parts_below_period, parts_from_period
from focuswatch.errors import ExportError


class Manifest(BaseModel):
    """The field of `<export>-Manifest.json` that is used."""

    data_files: list[str] = Field(alias="dataFiles")  # s3://bucket/prefix/export/data/billing_period=…/file


def listed_files(manifest: ExportFile, *, among: list[ExportFile]) -> tuple[ExportFile, ...]:
    """Return the files that `manifest` lists, from `among`, the files of its billing period.

    The exact path takes precedence; otherwise the path below the billing period's folder, then the file name, match in
    any case. Raises ExportError if the manifest cannot be read or a listed file is missing.
    """
    by_name = {parts_below_period(file.name): file for file in among}
    as_written = {parts_from_period(file.name): file for file in among}
    chosen = []
    for address in _read(manifest).data_files:
        tail = parts_below_period(PurePosixPath(address))
        file = (
            as_written.get(parts_from_period(PurePosixPath(address)))
            or by_name.get(tail)
            or by_name.get(tail[-1:])
        )
        if file is None:
            raise ExportError(
                f"{manifest.path}: the manifest lists {address}, which does not exist in the export. "
                "Copy the export again with all files that the manifest lists"
            )
        chosen.append(file)
    return tuple(dict.fromkeys(chosen))


def _read(manifest: ExportFile) -> Manifest:
    try:
        return Manifest.model_validate_json(manifest.path.read_bytes())
    except (ValidationError, OSError) as error:
        raise ExportError(
            f"{manifest.path} is not an AWS Data Exports manifest; expected JSON with the list `dataFiles`. "
            "Copy the manifest again, or specify a folder that contains only data files"
        ) from error
