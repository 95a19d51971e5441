"""Studies in object storage (S3 and its like), as a folder of the cache that mirrors them.

    s3://bucket/prefix                                     the study: what counts is there, and nowhere else
    <cache>/object-storage/<digest>/<name>/                its mirror: the same files, in the same folders
    <cache>/object-storage/<digest>/place.json             the address
    <cache>/object-storage/<digest>/objects.jsonl          what the mirror has of which version of an object

All other rooms see the mirror, a folder with paths like any other. Two other ways were weighed. A type of path that
asks the storage would turn each `is_file` and `glob` into a request, 50 ms instead of 2 us, hundreds in a query; and a
file system of the kernel (FUSE) promises renames and locks that the storage does not have. With a mirror, the code of a
study is that of a local one, and a local study pays for it with one comparison of texts a file that is written.

Reading. Before a command begins, and after it has got a lock, `Mirror.refresh` lists the objects once and fetches those
that have changed: records, plans, small tables. Of a large table it makes a placeholder, a sparse file of its size; a
block that differs from its digest when it is read (`store.verified`) is fetched with a positioned read, compared, and
kept in the placeholder. So the placeholder is a verified cache, and whatever is in it can be deleted at any time.

Writing. A file is built locally, put whole, and only then renamed in the mirror: what the mirror has, the storage has.
A process that is killed before leaves nothing, as the storage shows an object when it is complete. A commit record is
put on the condition that there is none. There is no rename: files that change together (`store.commits`) are put below
`plans/.uncommitted`, then the journal is put, from which on they count; then each is copied by the storage to its place
and deleted here; and whoever finds the journal can repeat all of it.

Locks. The lock of a folder is the local one, which ends with its process, and an object `.lock`, put on the condition
that there is none, which its holder renews. A lock that was not renewed for a minute, by the clock of the storage, is
taken over on the condition that it is still the same. A process that lost its lock writes no more.

Other storages than S3. Google's has generations in place of ETags, which gcsfs cannot send, so that request is made
here. Azure copies when it finds the time, which may be after the original was deleted: there, content travels through
this computer. All report an MD5 of what was put at once, so nothing that was put is fetched again.
"""
