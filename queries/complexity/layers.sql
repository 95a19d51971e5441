-- Complexity of categories: the proportion of filters of every layer that are selective for a category.
--
-- The complexity of a category has two parts: the proportion of filters selective for it, and their mean depth. It is
-- a property of the network's representation, not of the images' pixels. A category is complex for the network if
-- many filters are selective for it, and deep ones.
--
-- By default a filter is selective if its response contrast (`contrast`: difference between the mean normalised
-- responses to the category and to all others) exceeds 0.1. This is ten times the threshold of Figure 1: a filter
-- counts if the category changes its response by a tenth of its range. The response contrast is relative, because it
-- compares a category with the other categories of the set. A category that drives nearly every filter reduces the
-- number of filters selective for all others, and the same category has other numbers in another set. With $index =
-- 'response' the mean normalised response itself is compared with the threshold. A filter with strong responses to
-- every category then counts for each.
--
-- Pooling layers are excluded: they repeat the filters of the convolution below them. layers/profile explains the
-- interval and the chance level. Both need `toolbox significance` for the same index and threshold, and are null
-- without it.
--
-- Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265.
--
-- Parameters
--   $index      varchar = 'contrast'  {@indices}     index that is compared with the threshold
--   $threshold  double  = null                       a filter above it is selective; null: that of the index
--   $statistic  varchar = 'maximum'   {@statistics}  statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}      range of equation 1
-- Columns
--   category       varchar
--   layer          varchar  as the card names it, in the order of depth
--   depth          double   network depth, 0 (first layer) to 1 (last)
--   filters        bigint   filters of the layer
--   selective      bigint   filters selective for the category
--   proportion     double   selective / filters
--   low            double   lower end of the bootstrap interval
--   high           double   upper end of the bootstrap interval
--   chance         double   mean proportion for permuted labels
--   chance_low     double   lower end of the chance band
--   chance_high    double   upper end of the chance band
--   beyond_chance  boolean  whether the proportion is above the chance band; null where there is none
select
    category,
    layer,
    depth,
    any_value(filters)::bigint as filters,
    observed_value(selective, kind)::bigint as selective,
    observed_value(proportion, kind) as proportion,
    bootstrap_interval(observed_value(proportion, kind), bootstrap_error(proportion, kind), 0, 1)[1] as low,
    bootstrap_interval(observed_value(proportion, kind), bootstrap_error(proportion, kind), 0, 1)[2] as high,
    avg(proportion) filter (kind = 'permutation') as chance,
    permutation_interval(proportion, kind)[1] as chance_low,
    permutation_interval(proportion, kind)[2] as chance_high,
    observed_value(proportion, kind) > permutation_interval(proportion, kind)[2] as beyond_chance
from selective_proportions($index, $statistic, $normalise, $threshold)
group by category, layer, depth
order by category, depth
