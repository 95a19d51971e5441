-- Complexity of categories: how many filters are selective for a category, and at what depth they are located.
--
-- The complexity of a category has two parts: the proportion of filters selective for it, and their mean depth. It is
-- a property of the network's representation, not of the images' pixels. These are the numbers by which categories
-- are matched for a psychophysics study.
--
-- `proportion` is the mean over layers of selective filters / filters of the layer. `mean_depth` is the mean network
-- depth of the selective filters:
--     mean_depth = sum of depth * proportion / sum of proportion, over the layers, depth from 0 (first) to 1 (last)
-- The layers are weighted by proportions, not by counts, because layers have 64 to 512 filters. `entropy` measures
-- how evenly the selective filters are distributed over the layers: 0 if all are located in one layer, 1 if every
-- layer has the same proportion. The default index is the response contrast (`contrast`: difference between the mean
-- normalised responses to the category and to all others), so all numbers are relative to the other categories of the
-- set. complexity/layers explains this and the threshold; complexity/pairs tests the differences.
--
-- The mean depth is uncertain for a category that few filters are selective for. The intervals measure this
-- uncertainty: they estimate the mean over other sets of as many stimuli of the same categories (see layers/profile),
-- for the mean depth over those sets in which any filter is selective. The intervals need `toolbox significance` for
-- the same index and threshold, and are null without it. Pooling layers are excluded.
--
-- Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265; depth as in Tenney et al. (2019), arXiv:1905.05950.
--
-- Parameters
--   $index      varchar = 'contrast'  {@indices}     index that is compared with the threshold
--   $threshold  double  = null                       a filter above it is selective; null: that of the index
--   $statistic  varchar = 'maximum'   {@statistics}  statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}      range of equation 1
-- Columns
--   category         varchar
--   selective        bigint   filters selective for the category, over all layers
--   proportion       double   mean over layers of selective / filters, 0 to 1
--   proportion_low   double   lower end of the bootstrap interval
--   proportion_high  double   upper end of the bootstrap interval
--   chance           double   mean of the proportion for permuted labels
--   chance_low       double   lower end of the chance band of the proportion
--   chance_high      double   upper end of the chance band of the proportion
--   beyond_chance    boolean  whether the proportion is above the chance band; null where there is none
--   mean_depth       double   of the selective filters, 0 (first layer) to 1 (last); null if there are none
--   mean_depth_low   double   lower end of the bootstrap interval; null where mean_depth is
--   mean_depth_high  double   upper end of the bootstrap interval; null where mean_depth is
--   entropy          double   0 all in one layer, 1 evenly distributed; null if there are none, or a single layer
with band as (
    select
        category,
        observed_value(selective, kind) as selective,
        observed_value(proportion, kind) as proportion,
        observed_value(mean_depth, kind) as mean_depth,
        observed_value(entropy, kind) as entropy,
        permutation_interval(proportion, kind) as permuted,
        avg(proportion) filter (kind = 'permutation') as chance,
        bootstrap_error(proportion, kind) as proportion_error,
        bootstrap_error(mean_depth, kind) as depth_error
    from category_complexity($index, $statistic, $normalise, $threshold)
    group by category
)
select
    category,
    selective::bigint as selective,
    proportion,
    bootstrap_interval(proportion, proportion_error, 0, 1)[1] as proportion_low,
    bootstrap_interval(proportion, proportion_error, 0, 1)[2] as proportion_high,
    chance,
    permuted[1] as chance_low,
    permuted[2] as chance_high,
    proportion > permuted[2] as beyond_chance,
    mean_depth,
    case when mean_depth is not null then bootstrap_interval(mean_depth, depth_error, 0, 1)[1] end as mean_depth_low,
    case when mean_depth is not null then bootstrap_interval(mean_depth, depth_error, 0, 1)[2] end as mean_depth_high,
    entropy
from band
order by category
