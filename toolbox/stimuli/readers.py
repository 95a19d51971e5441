"""Pillow's readers of image files, without its limit for the whole process. Owns which formats are read.

`PIL.Image.open` compares the size in the header with a limit of the whole process, and issues a warning. The readers
that it calls do not. The toolbox calls them directly, so that the limit of the host program is unchanged; every caller
checks the size itself. Two of Pillow's checks remain: for a GIF whose first frame is larger than its screen, and for a
WebP file of more than twice Pillow's limit.
"""

from __future__ import annotations

import struct
import traceback
from collections.abc import Callable
from io import BytesIO

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import jpeg_factory
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from toolbox.errors import StimulusError

# Exceptions of Pillow's readers for content of another format, as in Pillow's own `open`.
_FOREIGN = (SyntaxError, IndexError, TypeError, struct.error)


class _Tiff(TiffImageFile):
    """A TIFF file whose size is not compared with Pillow's limit."""

    def load_prepare(self) -> None:
        """Allocate the pixels, as Pillow does after comparing their number with its limit."""
        if self._im is None:
            self.im = Image.new(self.mode, self._tile_size, None).im
        super().load_prepare()


class _Gif(GifImageFile):
    """A GIF file of which only the first frame is read, so that no frame needs to be disposed of.

    For a disposal, Pillow would copy the frame and compare its size with its limit.
    """

    @property
    def disposal_method(self) -> int:
        """Always 0: no disposal."""
        return 0

    @disposal_method.setter
    def disposal_method(self, method: int) -> None:
        """Ignore the value from the file, which Pillow sets."""


_READERS: dict[str, Callable[[BytesIO], ImageFile]] = {
    "JPEG": jpeg_factory,
    "PNG": PngImageFile,
    "GIF": _Gif,
    "BMP": BmpImageFile,
    "TIFF": _Tiff,
    "WEBP": WebPImageFile,
}


def open_image(content: bytes) -> ImageFile:
    """An image file, of which only the header has been read.

    Args:
        content: all bytes of the file.

    Raises: StimulusError for an unsupported format; the exceptions of Pillow's readers for damaged content.
    """
    if not content:
        raise StimulusError("empty file")
    for name, read in _READERS.items():
        accepts = Image.OPEN[name][1]
        # A string as the result means that this Pillow was built without the format.
        if accepts is None or accepts(content[:16]) is not True:
            continue
        try:
            return read(BytesIO(content))
        except _FOREIGN:
            continue
    raise StimulusError("not an image (expected JPEG, PNG, GIF, BMP, TIFF or WebP)")


def suffix_of(content: bytes) -> str:
    """How the name of an image file ends, by its content; empty for what is no image.

    Args:
        content: the first bytes of a file, at least 16.

    Example:
        >>> suffix_of(b"GIF89a__________")
        '.gif'
    """
    accepting = (
        name for name in _READERS if (accepts := Image.OPEN[name][1]) and accepts(content[:16]) is True
    )
    name = next(accepting, "")
    return {"JPEG": ".jpg", "TIFF": ".tif"}.get(name, f".{name.lower()}" if name else "")


def note_as_issued(warning: Warning) -> None:
    """Register a warning that was raised as an error, so that it is not issued again.

    Python does the same after it prints a warning. Unlike a filter, this affects only this text in this line of
    Pillow, and threads do not interfere with each other.
    """
    *_, (frame, line) = traceback.walk_tb(warning.__traceback__)
    issued = frame.f_globals.setdefault("__warningregistry__", {})
    issued[str(warning), type(warning), line] = True
