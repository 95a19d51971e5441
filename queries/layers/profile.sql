-- Proportion of category-selective filters in every layer.
--
-- The figure a reader knows from the paper: at which depth do filters appear that prefer a category? A filter counts as
-- selective for every category whose index exceeds the threshold, so the proportions of a layer need not add up to 1.
-- Chance is not zero: in a small set many filters pass 0.01 by the accident of which images were shown. Compare with
-- shuffled labels, or raise the threshold, before calling a proportion selectivity.
-- The threshold 0.01 belongs to `contrast`; in a share nearly every filter passes it. Pooling layers repeat the maxima of
-- the convolution below them. Dead filters stay in the denominator and are counted.
--
-- Source: Malakhova (2018), section 2.2 and figure 1, doi 10.1109/CVPRW.2018.00265.
--
-- Parameters
--   $index      varchar = 'contrast'  {contrast, share, balanced_share}  index that the threshold cuts
--   $threshold  double  = 0.01                                           a filter above it is selective
--   $statistic  varchar = 'maximum'   {maximum, mean}                    statistic of the activation map
--   $normalise  varchar = 'filter'    {filter, layer}                    range of equation 1
-- Columns
--   layer       varchar  as the card names it, in the order of depth
--   category    varchar
--   filters     bigint   filters of the layer
--   selective   bigint   filters whose index for the category exceeds the threshold
--   proportion  double   selective / filters
--   dead        bigint   filters with the same response to every stimulus
select
    layer,
    category,
    count(*)::bigint as filters,
    count(*) filter (value > $threshold)::bigint as selective,
    (count(*) filter (value > $threshold) / count(*))::double as proportion,
    count(*) filter (dead)::bigint as dead
from indexed($index, $statistic, $normalise)
group by layer, position, category
order by position, category
