-- Complexity of classes: the share of every layer's filters that respond highly to a class.
--
-- A class that many filters, and deep ones, respond to is complex for the network. By default a filter responds highly to
-- a class when its contrast for it exceeds 0.1, ten times the threshold of Figure 1, so that filters count for which the
-- class makes a difference of a tenth of their range. Contrast is relative: it sets a class against the other classes of
-- the set, so a class that drives nearly every filter takes filters from all others, and in other company the same class
-- has other numbers. With $index = 'response' the mean normalised response itself is cut: filters that respond highly to
-- every class then count for each.
--
-- Pooling layers are left out: they repeat the filters of the convolution below them. Intervals and chance are to be read
-- as those of layers/profile, and need `toolbox significance` for the same index and threshold: at 0.1 few filters pass, so
-- an interval reaches further up than down, and may stand above a share near 0. They are null without it.
--
-- Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265.
--
-- Parameters
--   $index      varchar = 'contrast'  {@indices}     what the threshold cuts
--   $threshold  double  = 0.1                        a filter above it responds highly
--   $statistic  varchar = 'maximum'   {@statistics}  statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}      range of equation 1
-- Columns
--   category    varchar
--   layer       varchar  as the card names it, in the order of depth
--   depth       double   0 is the first layer of the network, 1 its last
--   filters     bigint   filters of the layer
--   responsive  bigint   filters that respond highly to the category
--   share       double   responsive / filters
--   low         double   lower end of the bootstrap interval
--   high        double   upper end of the bootstrap interval
--   chance      double   mean share under shuffled labels
select
    category,
    layer,
    depth,
    any_value(filters)::bigint as filters,
    observed_value(selective, kind)::bigint as selective,
    observed_value(proportion, kind) as proportion,
    bootstrap_interval(proportion, kind)[1] as low,
    bootstrap_interval(proportion, kind)[2] as high,
    avg(proportion) filter (kind = 'permutation') as chance
from selective_proportions($index, $statistic, $normalise, $threshold)
group by category, layer, depth
order by category, depth
