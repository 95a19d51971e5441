"""Where the images of merged studies are: paths and roots of the merged study. Moves no image of a laboratory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolbox.exchange.merging.labs import Lab
from toolbox.exchange.merging.matching import MergedStimuli
from toolbox.stimuli.contents import is_there, read_content
from toolbox.store.folder import StudyFolder
from toolbox.store.roots import STUDY_FOLDERS


class ImageFolders:
    """Names of the folders that contain images, one for each place, as the merged study has them."""

    def __init__(self, study: StudyFolder, set_name: str) -> None:
        """Start without any folder.

        Args:
            study: the merged study.
            set_name: its set.
        """
        self._study, self._set = study, set_name
        self._names: dict[tuple[str, str], str] = {}
        self._copies: dict[str, int] = {}
        self.roots: dict[str, str] = {}

    def stored_path(self, lab: Lab, path: str) -> str:
        """The path of an image in the merged study.

        Args:
            lab: the study that has the image.
            path: as that study stores it.
        """
        first, slash, rest = path.partition("/")
        folders = lab.study.roots.folders
        if first in folders:
            place = (lab.study.root.absolute() / Path(folders[first]).expanduser()).as_posix()
            return f"{self._name(first, place)}/{rest}"
        if is_there(lab.study.image(path)):
            return self._of_study(lab, path)
        name = self._name(first if slash else "images", "", lab.origin)
        return f"{name}/{rest if slash else path}"

    def _of_study(self, lab: Lab, path: str) -> str:
        """The path of an image inside a study: in that study, or as a copy if its directory will be removed."""
        if not lab.is_temporary:
            place = lab.study.root.resolve().as_posix()
            return f"{self._name(Path(place).name, place)}/{path}"
        inside = path.split("/")[2:] if path.startswith("images/") else path.split("/")
        copy = self._study.images(self._set).joinpath(self._copies_of(lab), *inside)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(read_content(lab.study.image(path)))
        return copy.relative_to(self._study.root).as_posix()

    def _copies_of(self, lab: Lab) -> str:
        """The folder of the copies of one study, as two may have other images of one name."""
        return str(self._copies.setdefault(lab.place, len(self._copies)))

    def _name(self, wanted: str, place: str, owner: str = "") -> str:
        """The name of a folder; with a number where another folder has the name. One without a place is nowhere yet."""
        key = (place or owner, wanted if not place else "")
        if key not in self._names:
            taken = {*STUDY_FOLDERS, *(name.casefold() for name in self._names.values())}
            numbers = (f"{wanted}-{number}" for number in range(2, len(taken) + 3))
            self._names[key] = next(name for name in (wanted, *numbers) if name.casefold() not in taken)
            if place:
                self.roots[self._names[key]] = place
        return self._names[key]


def stored_paths(folders: ImageFolders, labs: Sequence[Lab], stimuli: MergedStimuli) -> list[str]:
    """The paths of all merged stimuli; of one in several laboratories, that of the first.

    Args:
        folders: the names of folders, which are extended.
        labs: the studies.
        stimuli: the merged stimuli.
    """
    firsts = (members[0] for members in stimuli.members)
    return [folders.stored_path(labs[place], labs[place].stimuli[old]["path"]) for place, old in firsts]
