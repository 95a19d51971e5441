"""What the wheel holds beside the package: the three folders of content."""

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShipContent(BuildHookInterface):
    """Ships models, datasets and queries inside the package."""

    def initialize(self, version, build_data):
        """Add the folders to a wheel; an editable install reads them where they are."""
        if version == "standard":
            for folder in ("models", "datasets", "queries"):
                build_data["force_include"][folder] = f"toolbox/{folder}"
