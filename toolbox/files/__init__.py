"""Writing files whole or not at all, locking a folder, and digests of files. Knows no file format.

In a mirror of object storage (`remote`), what is written, moved or deleted here is first put, copied or deleted there.
"""

from toolbox.files.folders import building_folder, folder_beside, new_folder, sweep
from toolbox.files.locking import has_writer, only_writer
from toolbox.files.mirrored import local_folder, mirror_of, place_name
from toolbox.files.records import RECORD_DIGEST, read_json, write_json
from toolbox.files.temporary import sweep_ended
from toolbox.files.whole import (
    check_local,
    digest_of,
    move_files,
    place_file,
    remove_file,
    remove_folder,
    replace_file,
    write_text,
)

__all__ = [
    "RECORD_DIGEST",
    "building_folder",
    "check_local",
    "digest_of",
    "folder_beside",
    "has_writer",
    "local_folder",
    "mirror_of",
    "move_files",
    "new_folder",
    "only_writer",
    "place_file",
    "place_name",
    "read_json",
    "remove_file",
    "remove_folder",
    "replace_file",
    "sweep",
    "sweep_ended",
    "write_json",
    "write_text",
]
