"""The map's tiles, read out of the PMTiles archive of the build in use."""

from functools import lru_cache
from pathlib import Path

from pmtiles.reader import MmapSource, Reader
from pmtiles.tile import (
    Compression,
    Entry,
    MagicNumberNotFound,
    SpecVersionUnsupported,
    deserialize_directory,
    find_tile,
    zxy_to_tileid,
)

DEEPEST = 4  # directories between the root and a tile, by the format


class Tiles:
    """An open archive. Its directories are parsed once; the file stays mapped, so threads may share it.

    FileNotFoundError; ValueError: it is no archive, or not all of one.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._read = MmapSource(file)  # the mapping outlives the file object
        try:
            header = Reader(self._read).header()
        except (MagicNumberNotFound, SpecVersionUnsupported) as error:
            raise ValueError(f"{path.name} is no PMTiles archive that we can read") from error
        if path.stat().st_size < header["tile_data_offset"] + header["tile_data_length"]:
            raise ValueError(f"{path.name} is cut short")
        self.gzipped: bool = header["tile_compression"] == Compression.GZIP
        self._root = (header["root_offset"], header["root_length"])
        self._leaves: int = header["leaf_directory_offset"]
        self._data: int = header["tile_data_offset"]
        self._directory = lru_cache(maxsize=256)(self._parse)

    def get(self, z: int, x: int, y: int) -> bytes | None:
        """The tile as stored, or None where the map is empty. ValueError: no such tile on earth."""
        tile_id = zxy_to_tileid(z, x, y)
        offset, length = self._root
        for _ in range(DEEPEST):
            entry = find_tile(self._directory(offset, length), tile_id)
            if entry is None:
                return None
            if entry.run_length:
                data: bytes = self._read(self._data + entry.offset, entry.length)
                return data
            offset, length = self._leaves + entry.offset, entry.length
        return None

    def _parse(self, offset: int, length: int) -> list[Entry]:
        return deserialize_directory(self._read(offset, length))


@lru_cache(maxsize=1)
def open_tiles(path: Path) -> Tiles:
    """For a path that always means the same content, as those of builds do. FileNotFoundError."""
    return Tiles(path)
