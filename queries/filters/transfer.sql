-- The most selective filters of a category, chosen on some stimuli and measured on others.
--
-- A filter that was chosen as the best of thousands looks better than it is on the stimuli that chose it. Here filters
-- are chosen on one half of every category (a random half that $seed determines), and `held_out` is their index on the
-- other half. With $chosen_on they are chosen on another stimulus set, for the categories that both have, and measured
-- on all stimuli of the set. The difference between `chosen` and `held_out` is regression to the mean; between two sets
-- it contains what the sets differ in, too. Half of the stimuli choose less well than all of them, so the filters are
-- not exactly those of filters/representative. Pooling layers are excluded: they repeat the filters of the convolution
-- below them.
--
-- The range of equation 1 is that of the stimuli that are measured, so the index of a filter on a half is not its index
-- on all stimuli.
--
-- Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265; Kriegeskorte et al. (2009), doi 10.1038/nn.2303, for
-- selection and measurement on different data.
--
-- Parameters
--   $category   varchar = null        {labels.category}  one category; all of them if null
--   $count      integer = 10          {1 or more}        filters per category
--   $chosen_on  varchar = null                           stimulus set that chooses; a half of the set if null
--   $seed       integer = 0           {0 or more}        equal seeds give equal halves
--   $index      varchar = 'contrast'  {@indices}         index that ranks the filters
--   $statistic  varchar = 'maximum'   {@statistics}      statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}          range of equation 1
-- Columns
--   category       varchar
--   rank           bigint   1 is the most selective filter on the stimuli that choose
--   layer          varchar
--   filter         integer  number of the filter in its layer, from 0
--   chosen         double   index on the stimuli that choose
--   held_out       double   index on the other stimuli
--   held_out_rank  bigint   rank among all filters there
--   filters        bigint   filters that were ranked
--   chosen_on      varchar  what chose: a set, or a half and its seed
select
    category,
    place as rank,
    layer,
    filter,
    chosen,
    held_out,
    held_out_place as held_out_rank,
    filters,
    coalesce($chosen_on, 'half, seed ' || $seed)::varchar as chosen_on
from transferred_filters($index, $statistic, $normalise)
where place <= $count and ($category is null or category = $category)
order by category, place
