-- Proportion of selective filters as a function of the threshold.
--
-- The proportion of selective filters depends on the threshold. For any index, and for $steps equally spaced
-- thresholds from $lowest to $highest, this query counts the filters of every layer that exceed the threshold for
-- every category. Where the curves of two categories cross, their order depends on the threshold. By default the
-- index is the response contrast (`contrast`: difference between the mean normalised responses to the category and to
-- all others).
--
-- Pooling layers are excluded: they repeat the filters of the convolution below them. Dead filters (the same
-- response to every stimulus) stay in the denominator. The indices of the family `filter` belong to a filter as
-- such, so their counts are the same for every category.
--
-- Source: Malakhova (2018), section 2.2, doi 10.1109/CVPRW.2018.00265.
--
-- Parameters
--   $index      varchar = 'contrast'  {@all indices}  index that is compared with the thresholds
--   $lowest     double  = 0.0                         first threshold
--   $highest    double  = 0.5                         last threshold
--   $steps      integer = 26          {2 to 10000}    number of thresholds
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
    select ($lowest + number * ($highest - $lowest) / ($steps - 1))::double as threshold
    from range($steps) r (number)
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
