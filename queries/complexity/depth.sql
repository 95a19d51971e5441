-- Complexity of classes: how many filters respond highly to a class, and how deep they lie.
--
-- The numbers by which categories are matched for a psychophysics study: `share`, the mean over layers of the share of a
-- layer's filters that respond highly to the class, and `depth`, where in the network they lie:
--     depth = sum of position * share / sum of share, over the layers, position from 0 (first layer) to 1 (last)
-- Shares, not counts, are weighed: layers have 64 to 512 filters. `entropy` says how evenly they spread over the layers:
-- 0 if all lie in one, 1 if every layer has the same share. By default both are relative to the other classes of the set:
-- see complexity/layers, also for the threshold; complexity/pairs tests the differences.
--
-- The depth of categories that few filters respond to is uncertain; the intervals (95 % of the bootstrap samples of the
-- stimuli; for the depth, of those in which any filter responds) show it. Resampling lets a few more filters pass, in all
-- layers, so the interval of a share near 0 may stand above it. They need `toolbox significance` for the same index and
-- threshold, and are null without it.
--
-- Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265; depth as in Tenney et al. (2019), arXiv:1905.05950.
--
-- Parameters
--   $index      varchar = 'contrast'  {@indices}     what the threshold cuts
--   $threshold  double  = 0.1                        a filter above it responds highly
--   $statistic  varchar = 'maximum'   {@statistics}  statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}      range of equation 1
-- Columns
--   category    varchar
--   responsive  bigint   filters that respond highly to the category, over all layers
--   share       double   mean over layers of responsive / filters, 0 to 1
--   share_low   double   lower end of the bootstrap interval
--   share_high  double   upper end of the bootstrap interval
--   depth       double   0 is the first layer of the network, 1 its last; null if no filter responds
--   depth_low   double   lower end of the bootstrap interval; null where depth is
--   depth_high  double   upper end of the bootstrap interval; null where depth is
--   entropy     double   0 all in one layer, 1 spread evenly; null if no filter responds or there is a single layer
with band as (
    select
        category,
        observed_value(selective, kind) as selective,
        observed_value(proportion, kind) as proportion,
        observed_value(mean_depth, kind) as mean_depth,
        observed_value(entropy, kind) as entropy,
        bootstrap_interval(proportion, kind) as proportions,
        bootstrap_interval(mean_depth, kind) as mean_depths
    from category_complexity($index, $statistic, $normalise, $threshold)
    group by category
)
select
    category,
    selective::bigint as selective,
    proportion,
    proportions[1] as proportion_low,
    proportions[2] as proportion_high,
    mean_depth,
    case when mean_depth is not null then mean_depths[1] end as mean_depth_low,
    case when mean_depth is not null then mean_depths[2] end as mean_depth_high,
    entropy
from band
order by category
