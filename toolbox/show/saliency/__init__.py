"""Which pixels of one stimulus drive one filter, in two ways that check each other.

choice        which stimulus and filter, and what is refused
attribution   gradient x input: from the gradient at the position of the maximum
occlusion     the change of the response while a patch hides a part of the image
agreement     whether both rank the patches alike
run           the order of these steps, and the result
sheet         photograph and both maps side by side
"""

from toolbox.show.saliency.choice import SaliencyChoice
from toolbox.show.saliency.run import Saliency, explain

__all__ = ["Saliency", "SaliencyChoice", "explain"]
