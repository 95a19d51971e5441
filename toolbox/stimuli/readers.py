"""Pillow's readers of image files, without its limit for the whole process. Owns which formats are read.

`PIL.Image.open` compares the size in the header with a limit of the whole process, and prints a warning. The readers
that it calls do not, so that the limit stays as the host program has it, and every caller checks the size itself.
Two of Pillow's checks are left: of a GIF whose first frame is larger than its screen, and of a WebP file of more than
twice Pillow's limit.
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

# What Pillow's readers raise on content that is of another format; as Pillow's own `open` has it.
_FOREIGN = (SyntaxError, IndexError, TypeError, struct.error)


class _Tiff(TiffImageFile):
    """A TIFF file whose size is compared with no limit."""

    def load_prepare(self) -> None:
        """Make room for the pixels, as Pillow does it after comparing their number with its own limit."""
        if self._im is None:
            self.im = Image.new(self.mode, self._tile_size, None).im
        super().load_prepare()


class _Gif(GifImageFile):
    """A GIF file of whose frames the first alone is read, so that none is ever to be disposed of.

    Pillow would keep a copy of the frame for that, and compare its size with its own limit.
    """

    @property
    def disposal_method(self) -> int:
        """0: nothing is to be done."""
        return 0

    @disposal_method.setter
    def disposal_method(self, method: int) -> None:
        """Pillow sets what the file says."""


_READERS: dict[str, Callable[[BytesIO], ImageFile]] = {
    "JPEG": jpeg_factory,
    "PNG": PngImageFile,
    "GIF": _Gif,
    "BMP": BmpImageFile,
    "TIFF": _Tiff,
    "WEBP": WebPImageFile,
}


def open_image(content: bytes) -> ImageFile:
    """An image file, of which only the header is read so far.

    Args:
        content: all bytes of the file.

    Raises: StimulusError when it is of no format that is read here; what Pillow's readers raise on damaged content.
    """
    if not content:
        raise StimulusError("empty file")
    for name, read in _READERS.items():
        accepts = Image.OPEN[name][1]
        # A text says that this Pillow was built without the format.
        if accepts is None or accepts(content[:16]) is not True:
            continue
        try:
            return read(BytesIO(content))
        except _FOREIGN:
            continue
    raise StimulusError("not an image (expected JPEG, PNG, GIF, BMP, TIFF or WebP)")


def note_as_issued(warning: Warning) -> None:
    """Enter a warning that was raised as an error among those that need not be issued again.

    Python does so itself after it printed one. Unlike a filter, this concerns this text in this line of Pillow alone,
    and threads cannot disturb each other by it.
    """
    *_, (frame, line) = traceback.walk_tb(warning.__traceback__)
    issued = frame.f_globals.setdefault("__warningregistry__", {})
    issued[str(warning), type(warning), line] = True
