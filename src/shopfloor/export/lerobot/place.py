"""Where an episode lies: a chunk is a folder of so many files, a file holds many episodes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Place", "Sizes"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """When a new file is begun; the names are those of ``meta/info.json``.

    Attributes:
        chunks_size: Files in a chunk.
        data_files_size_in_mb, video_files_size_in_mb: A file takes no further episode that
            would make it larger [MiB].
    """

    chunks_size: int = 1000
    data_files_size_in_mb: float = 100
    video_files_size_in_mb: float = 200

    @property
    def data_bytes(self) -> float:
        """Of Parquet files [bytes]."""
        return self.data_files_size_in_mb * 2**20

    @property
    def video_bytes(self) -> float:
        """Of videos [bytes]."""
        return self.video_files_size_in_mb * 2**20


@dataclass(frozen=True, slots=True)
class Place:
    """A file of a dataset."""

    chunk: int = 0
    file: int = 0

    def after(self, sizes: Sizes) -> Place:
        """Return the file that follows."""
        if self.file + 1 == sizes.chunks_size:
            return Place(self.chunk + 1, 0)
        return Place(self.chunk, self.file + 1)

    def path(self, pattern: str, **names: str) -> str:
        """Fill in one of the patterns of ``meta/info.json``."""
        return pattern.format(chunk_index=self.chunk, file_index=self.file, **names)
