-- Filters chosen on some stimuli and measured on others.

-- transferred_filters(index, statistic, normalise): every filter with its index on both sides.
--
-- The table `choice` (layer, filter, category, value), which the toolbox brings along, has the index on the stimuli
-- that choose: a half of every category, or another stimulus set. Pooling layers and filters without an index on one
-- side are left out. place and held_out_place are 1 for the largest index, equal ones in the order of layers and
-- filters; chosen_rank and held_out_rank are ranks in which equal values share their mean.
create macro transferred_filters(index, statistic, normalise) as table
with pair as (
    select p.category, p.layer, p.position, p.filter, c.value::double as chosen, p.value as held_out
    from index_values(index, statistic, normalise) p
    join choice c on c.layer = p.layer and c.filter = p.filter and c.category = p.category
    where not p.is_pool and p.value is not null and c.value is not null
)
select
    category,
    layer,
    position,
    filter,
    chosen,
    held_out,
    count(*) over (partition by category) as filters,
    row_number() over (partition by category order by chosen desc, position, filter) as place,
    row_number() over (partition by category order by held_out desc, position, filter) as held_out_place,
    mean_rank(rank() over chosen_order, count(*) over chosen_order) as chosen_rank,
    mean_rank(rank() over held_out_order, count(*) over held_out_order) as held_out_rank
from pair
window
    chosen_order as (partition by category order by chosen),
    held_out_order as (partition by category order by held_out);
