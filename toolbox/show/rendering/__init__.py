"""Pictures that drive a filter, made by climbing the gradient of its response.

run         the order of the steps; choices, natural, report, sheets, preferred around it
making      the pictures of one layer, each kept with its proof (proof)
canvas      where a picture is in the input, and which unit it drives
recipe      the settings, with a preset for every size of a receptive field
ascent      the loop, and when it ends (climbing: its steps)
driving     the network's gradient as the function that is climbed
painting    from free values to a picture and back (waves, spectrum)
crops       a crop, moved a little, and the gradient back
"""

from toolbox.show.rendering.choices import Rendering
from toolbox.show.rendering.preferred import list_preferred
from toolbox.show.rendering.report import RenderedPicture, RenderingReport
from toolbox.show.rendering.run import render_pictures

__all__ = ["RenderedPicture", "Rendering", "RenderingReport", "list_preferred", "render_pictures"]
