"""Parquet: its metadata say who wrote it, every page carries a CRC; pyarrow (extra `arrow`) reads both."""

from typing import Any, BinaryIO

from .finding import DamageError, Finding, of_attributes
from .jsons import parsed

MAGIC = b"PAR1"
LARGEST_GROUP = 1 << 28
"""A row group that states more bytes than this (256 MiB) is not read: those written here hold some megabytes."""


def examine_parquet(file: BinaryIO, thorough: bool) -> Finding:
    """Whether a table's pages are as they were written; without pyarrow only whether it begins and ends as one."""
    if file.read(len(MAGIC)) != MAGIC:
        return Finding("foreign", "is no Parquet")
    file.seek(-len(MAGIC), 2)
    if file.read() != MAGIC:
        raise DamageError("is cut short or damaged")
    file.seek(0)
    try:
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError:
        return Finding("readable", "begins and ends as Parquet: with pyarrow (sharpear[arrow]) its pages are read, too")
    try:
        table = pq.ParquetFile(file, page_checksum_verification=True)
        told = (table.metadata.metadata or {}).get(b"sharpear")
        if told is None:
            return Finding("foreign", "is none that sharpear wrote")
        attributes = parsed(told, "attributes")
        if thorough:
            _read(table)
    except DamageError:
        raise
    except Exception as error:  # whatever pyarrow raises on what is not as it should be
        raise DamageError("its pages cannot be read") from error
    return of_attributes(attributes)


def _read(table: Any) -> None:
    for n in range(table.metadata.num_row_groups):
        if table.metadata.row_group(n).total_byte_size > LARGEST_GROUP:
            raise DamageError(f"a row group states more than {LARGEST_GROUP} bytes")
        table.read_row_group(n)
