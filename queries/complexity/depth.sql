-- Complexity of classes: how many filters respond highly to a class, and how deep they lie.
--
-- The two numbers by which categories are matched for a psychophysics study: `share`, the mean over layers of the share of
-- a layer's filters that respond highly to the class, and `depth`, where in the network they lie:
--     depth = sum of position * share / sum of share, over the layers, position from 0 (first layer) to 1 (last)
-- Shares, not counts, are weighed: layers have 64 to 512 filters. The depth of categories that few filters respond to
-- is uncertain. See complexity/layers for the threshold.
--
-- Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265.
--
-- Parameters
--   $index      varchar = 'contrast'  {contrast, share, balanced_share, response}  what the threshold cuts
--   $threshold  double  = 0.1                                                      a filter above it responds highly
--   $statistic  varchar = 'maximum'   {maximum, mean}                              statistic of the activation map
--   $normalise  varchar = 'filter'    {filter, layer}                              range of equation 1
-- Columns
--   category    varchar
--   responsive  bigint   filters that respond highly to the category, over all layers
--   share       double   mean over layers of responsive / filters, 0 to 1
--   depth       double   0 is the first layer of the network, 1 its last; null if no filter responds
with layer as (
    select
        category,
        layer,
        depth,
        count(*) filter (value > $threshold)::bigint as responsive,
        (count(*) filter (value > $threshold) / count(*))::double as share
    from indexed($index, $statistic, $normalise)
    where kind <> 'pool'
    group by category, layer, depth
)
select
    category,
    sum(responsive)::bigint as responsive,
    avg(share) as share,
    sum(depth * share) / nullif(sum(share), 0) as depth
from layer
group by category
order by category
