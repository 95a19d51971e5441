"""Image properties: one file each, with the function of the same name. No other module knows one of them.

A new property is a new file here. Its function takes a `MeasuredPicture` and returns a number, or None where the
property is not defined for a picture, as most are for a uniform one; `@image_property` adds unit, formula, range,
source and where it breaks down. Raise `version` when a formula changes: the images are then measured again.
"""
