-- Contents of the study: every stimulus set, label scheme and category.
--
-- Read this table before any other. With more than two categories, unequal numbers of stimuli change every index
-- that compares a category with all other stimuli as one group, such as the response contrast; csi and
-- balanced_share weight the categories equally. Categories that differ in image size differ in sharpness after all
-- images are resized to the network's input.
--
-- Columns
--   set         varchar
--   scheme      varchar
--   category    varchar  null for stimuli without a label
--   stimuli     bigint
--   proportion  double   stimuli / stimuli of the set
--   width       double   median, in pixels
--   height      double   median, in pixels
--   bytes       double   median size of the files
select
    set,
    scheme,
    category,
    count(*)::bigint as stimuli,
    (count(*) / sum(count(*)) over (partition by set, scheme))::double as proportion,
    median(width)::double as width,
    median(height)::double as height,
    median(bytes)::double as bytes
from catalogue
group by set, scheme, category
order by set, scheme, category
