"""Sheets of the stimuli that drive a filter most, least and between, each with the piece of it that drove the filter.

    choice      what is asked for
    filters     which filters: named ones, or the most selective ones of a category
    stimuli     which stimuli of a filter: the ends of its responses, and the deciles
    sheets      the sheet of a filter, and that of a category
    run         from the choice to the sheets and their files

The pieces are found by `show.patches`; pixels are cut out and marked by `stimuli.cutting`.
"""
