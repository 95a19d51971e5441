"""Responses, and banks of filters, in the formats of other programs.

choices       what is exported, and how
filters       which layers and filters
responses     their responses, read a layer at a time
formats       the formats by name
netcdf, rsatoolbox, arrays, wide, anndata, mask   how each program reads them
run           memory and disk checked, files written
"""
