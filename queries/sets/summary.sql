-- What the study holds: every stimulus set, label scheme and category.
--
-- Look here before anything else: unequal numbers of stimuli shift every index but the balanced one, and categories that
-- differ in image size differ in sharpness once all are stretched to the network's input.
--
-- Columns
--   set       varchar
--   scheme    varchar
--   category  varchar  null for stimuli without a label
--   stimuli   bigint
--   fraction  double   of the set's stimuli
--   width     double   median, in pixels
--   height    double   median, in pixels
--   bytes     double   median size of the files
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
