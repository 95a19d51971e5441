"""Pictures that drive a filter, made by climbing the gradient of its response.

    spectrum    the amplitudes of photographs, which every picture has
    painting    from free phases to a picture, and the gradient back
    crops       a crop, moved a little, and the gradient back
    climbing    the steps
"""
