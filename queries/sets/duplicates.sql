-- Pictures that two stimulus sets share: the same pixels, whatever the format and the bytes of their files.
--
-- Filters that were chosen on one set and tested on another are tested on what they were chosen for, as far as the sets
-- share pictures; so is every classifier (leaky splits). Within a set, ingestion makes one stimulus of equal pixels.
-- Categories are those of the ingestion: two for one picture are a conflict only where both sets name categories alike.
--
-- Pictures that were saved again, scaled or cropped have other pixels; `toolbox audit` finds those, too, by their
-- responses. Sets of older versions know their files alone, not their pixels: they are compared by the files.
--
-- Source: what copies in a test set do to results: Barz and Denzler (2020), doi 10.3390/jimaging6060041.
--
-- Columns
--   set             varchar
--   stimulus_id     integer
--   category        varchar  null without a label
--   path            varchar  file of the image, as the study stores it
--   other_set       varchar  every pair is listed from both sides
--   other_id        integer  stimulus_id of the same picture there
--   other_category  varchar
--   other_path      varchar
with picture as (
    select set, stimulus_id, category, path, coalesce(pixels_sha256, sha256) as identity
    from catalogue
    where scheme = 'category'
)
select
    a.set,
    a.stimulus_id,
    a.category,
    a.path,
    b.set as other_set,
    b.stimulus_id as other_id,
    b.category as other_category,
    b.path as other_path
from picture a
join picture b on a.identity = b.identity and a.set <> b.set
order by a.set, a.stimulus_id, other_set, other_id
