-- Comparison with a published table.

-- published_pairs(index, statistic, normalise): an index of every filter and category, here and in a published table.
--
-- The table is the view `reference` (layer, filter, category, value), which `toolbox replicate` provides. There is
-- one row for each of its rows whose layer and category are in the study. `here` is null where the filter has no
-- index, `there` where the table has no value.
create macro published_pairs(index, statistic, normalise) as table
select
    p.layer,
    p.position,
    p.filter,
    p.category,
    p.value as here,
    r.value::double as there
from index_values(index, statistic, normalise) p
join reference r on r.layer = p.layer and r.filter = p.filter and r.category = p.category;
