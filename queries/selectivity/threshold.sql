-- How many filters pass as the threshold moves.
--
-- A proportion of selective filters hangs on where the line is drawn. For any index, and $steps thresholds at equal
-- distances from $lowest to $highest: how many filters of every layer exceed it for every category. Where the curves of two
-- categories cross, their order is a matter of the threshold. Pooling layers are left out: they repeat the filters of the
-- convolution below them. Dead filters stay in the denominator. The last three indices are those of a filter as such, so
-- their counts are the same for every category.
--
-- Source: Malakhova (2018), section 2.2, doi 10.1109/CVPRW.2018.00265.
--
-- Parameters
--   $index      varchar = 'contrast'  {@all indices}  index
--   $lowest     double  = 0.0                         first threshold
--   $highest    double  = 0.5                         last threshold
--   $steps      integer = 26                          number of thresholds
--   $layer      varchar = null        {layers.layer}  one layer; all of them if null
--   $statistic  varchar = 'maximum'   {@statistics}   statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}       range of equation 1
-- Columns
--   layer       varchar  as the card names it, in the order of depth
--   category    varchar
--   threshold   double
--   filters     bigint   filters of the layer
--   selective   bigint   filters whose index for the category exceeds the threshold
--   proportion  double   selective / filters
with step as (
    select case
        when $steps < 2 then error('steps is ' || $steps || '; expected 2 or more')
        else $lowest + number * ($highest - $lowest) / ($steps - 1)
    end::double as threshold
    from range(greatest($steps, 1)) r (number)
),
valued as (
    select * from index_values($index, $statistic, $normalise)
    where not is_pool and ($layer is null or layer = $layer)
)
select
    v.layer,
    v.category,
    s.threshold,
    count(*)::bigint as filters,
    count(*) filter (v.value > s.threshold)::bigint as selective,
    count(*) filter (v.value > s.threshold) / count(*) as proportion
from valued v
cross join step s
group by v.layer, v.position, v.category, s.threshold
order by v.position, v.category, s.threshold
