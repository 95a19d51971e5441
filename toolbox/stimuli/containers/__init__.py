"""Images inside one file: .tar, .zip, .h5 and .parquet. Owns finding them there and reading them in place.

A container is never unpacked, and never read as a whole: an index of what is in it is made once a process, and each
image is read by itself. What is read is compared with the digest of the image by those who read it.

    naming      `shards/part-000.tar!/dog/003.jpg`: how the path of an image in a container is written
    container   what all kinds have in common
    tar, zipped, hdf5, parquet   one kind each
    opened      the containers that this process has open
    samples, labels   labels beside the images

Which members become stimuli is decided by `stimuli/container_source.py`; whoever reads an image asks
`stimuli/contents.py`.
"""
