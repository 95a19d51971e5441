from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShipContent(BuildHookInterface):
    def initialize(self, version, build_data):
        if version == "standard":  # an editable install reads the folders where they lie
            for folder in ("models", "datasets", "queries"):
                build_data["force_include"][folder] = f"toolbox/{folder}"
