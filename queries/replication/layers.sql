-- Replication of a published table: how well an index agrees with it, layer by layer.
--
-- Other photographs of the same categories should find the same selective filters. For every layer, the index in this
-- study is compared with the values of the table, filter by filter. There is one row for each category in common, and
-- a last row, `all`, over all of them together (a pair of values for every filter and category). Only filters with a
-- value on both sides are compared; `unpaired` counts the others.
--
-- `pearson` is the correlation of the values. `spearman` is the correlation of the ranks, with the mean rank for
-- equal values; it does not depend on the unit. `overlap` is the proportion of the $count most selective filters that
-- both sides have in common; equal values are taken in the order of filters. Chance is 0 for both correlations and
-- $count / filters for the overlap. The correlations are null where one side has a single value, or where there is a
-- single filter.
--
-- By default the index is the response contrast (`contrast`: difference between the mean normalised responses to the
-- category and to all others). It depends on all stimuli that were presented: further categories that the table does
-- not contain reduce the agreement. The filters of one layer are not an independent sample, so no p value is
-- reported. The query needs the view `reference` (layer, filter, category, value), which
-- `toolbox replicate --reference FILE` provides.
--
-- Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265; the index and the layer-wide range follow the code
-- published with it; Spearman (1904), doi 10.2307/1412159.
--
-- Parameters
--   $index      varchar = 'contrast'  {@indices}     index in this study
--   $threshold  double  = 0.01                       a filter above it is selective
--   $count      integer = 10          {1 or more}    most selective filters for the overlap
--   $statistic  varchar = 'mean'      {@statistics}  statistic of the activation map
--   $normalise  varchar = 'layer'     {@ranges}      range of equation 1
-- Columns
--   layer            varchar  as the card names it, in the order of depth
--   category         varchar  `all` in the row over all categories in common
--   filters          bigint   filters with a value on both sides; in the row over all, once for each category
--   unpaired         bigint   filters of the table without a value on one side, such as those that are dead here
--   pearson          double   -1 to 1, correlation of the values
--   spearman         double   -1 to 1, correlation of the ranks
--   overlap          double   0 to 1, proportion of the $count most selective filters in common
--   selective_here   bigint   filters above the threshold in this study
--   selective_there  bigint   filters above the threshold in the table
with pair as (
    select layer, position, unnest([category, 'all']) as category, category as member, filter, here, there
    from published_pairs($index, $statistic, $normalise)
),
known as (
    select *, here is not null and there is not null as is_paired from pair
),
ranked as (
    select
        *,
        rank() over (partition by layer, category, is_paired order by here)
        + (count(*) over (partition by layer, category, is_paired, here) - 1) / 2 as rank_here,
        rank() over (partition by layer, category, is_paired order by there)
        + (count(*) over (partition by layer, category, is_paired, there) - 1) / 2 as rank_there,
        row_number() over (partition by layer, category, is_paired order by here desc, filter, member) as place_here,
        row_number() over (partition by layer, category, is_paired order by there desc, filter, member) as place_there
    from known
),
summed as (
    select
        layer,
        position,
        category,
        count(*) filter (is_paired)::bigint as filters,
        count(*) filter (not is_paired)::bigint as unpaired,
        corr(here, there) filter (is_paired) as pearson,
        corr(rank_here, rank_there) filter (is_paired) as spearman,
        count(*) filter (is_paired and place_here <= $count and place_there <= $count)::bigint as shared,
        count(*) filter (is_paired and here > $threshold)::bigint as selective_here,
        count(*) filter (is_paired and there > $threshold)::bigint as selective_there,
        count(distinct here) filter (is_paired) > 1 and count(distinct there) filter (is_paired) > 1 as varies
    from ranked
    group by layer, position, category
)
select
    layer,
    category,
    filters,
    unpaired,
    case when varies then pearson end as pearson,
    case when varies then spearman end as spearman,
    shared / nullif(least($count, filters), 0)::double as overlap,
    selective_here,
    selective_there
from summed
order by position, category = 'all', category
