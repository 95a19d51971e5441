-- Proportion of category-selective filters in every layer.
--
-- At which depth do filters appear that prefer a category? A filter is selective for every category whose index exceeds
-- the threshold, so the proportions of a layer need not add up to 1. The default index is the response contrast
-- (`contrast`: difference between the mean normalised responses to the category and to all others). Without $threshold
-- it is compared with the threshold of its file, 0.1. Figure 1 of the paper, as published, has the threshold 0.01:
-- $threshold = 0.01. Every index has a threshold of its own (see indices); that of share depends on the category's
-- number of stimuli. Pooling layers repeat the maxima of the convolution below them, so the figure leaves them out.
-- Dead filters (the same response to every stimulus) stay in the denominator and are counted in `dead`.
--
-- The chance level is not zero. Some filters exceed a threshold because of the particular images that were presented,
-- nearly half of them at 0.01. The same images were presented to all filters, so the filters exceed it together, and
-- the proportion for permuted labels varies widely between permutations. `chance` is its mean for this category; the
-- chance band contains 95 % of the permutations. A proportion inside the band, or below it, is compatible with
-- meaningless labels: `beyond_chance` is false, and the figure draws it hollow. On average one layer and category in
-- forty is above the band by chance, often several neighbouring layers at once. layers/significant answers another
-- question: which single filters are significant.
--
-- `low` and `high` are the ends of a 95 % interval: the proportion +- 1.96 bootstrap standard errors, within 0 and 1.
-- It estimates the mean proportion over other sets of as many stimuli of the same categories. It does not estimate the
-- proportion among infinitely many stimuli: fewer filters would exceed the threshold by chance. Where no filter
-- crosses the threshold in any bootstrap sample, there is no interval, and where fewer than one selective filter is
-- expected, the interval is too narrow. Intervals and chance need `toolbox significance` for the same index and
-- threshold, and are null without it.
--
-- Source: Malakhova (2018), section 2.2 and figure 1, doi 10.1109/CVPRW.2018.00265.
--
-- Parameters
--   $by         varchar = 'layer'     {layer, block}  one row per layer, or per block without its pooling layers
--   $index      varchar = 'contrast'  {@indices}      index that is compared with the threshold
--   $threshold  double  = null                        a filter above it is selective; null: that of the index
--   $statistic  varchar = 'maximum'   {@statistics}   statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}       range of equation 1
-- Columns
--   layer          varchar  as the card names it, in the order of depth; or the block
--   category       varchar
--   filters        bigint   filters of the layer
--   selective      bigint   filters whose index for the category exceeds the threshold
--   proportion     double   selective / filters
--   low            double   lower end of the bootstrap interval
--   high           double   upper end of the bootstrap interval
--   chance         double   mean proportion for permuted labels
--   chance_low     double   lower end of the chance band
--   chance_high    double   upper end of the chance band
--   beyond_chance  boolean  whether the proportion is above the chance band; null where there is none
--   dead           bigint   filters with the same response to every stimulus
--   is_pool        boolean  whether it is a pooling layer, which the figure leaves out
with observed as (
    select
        p.place,
        min(p.position) as position,
        i.category,
        count(*) as filters,
        count(*) filter (i.value > t.threshold) as selective,
        count(*) filter (i.dead) as dead,
        bool_and(i.is_pool) as is_pool
    from index_values($index, $statistic, $normalise) i
    join index_thresholds($index, $threshold) t using (category)
    join layer_groups($by) p using (layer)
    group by p.place, i.category
),
counted as (
    select p.place, d.category, d.kind, d.resample, sum(d.selective) as selective
    from resampled_counts($index, $statistic, $normalise, $threshold) d
    join layer_groups($by) p using (layer)
    group by p.place, d.category, d.kind, d.resample
),
band as (
    select
        place,
        category,
        bootstrap_error(selective, kind) as error,
        permutation_interval(selective, kind) as permuted,
        avg(selective) filter (kind = 'permutation') as chance
    from counted
    group by place, category
)
select
    o.place as layer,
    o.category,
    o.filters::bigint as filters,
    o.selective::bigint as selective,
    o.selective / o.filters as proportion,
    bootstrap_interval(o.selective, b.error, 0, o.filters)[1] / o.filters as low,
    bootstrap_interval(o.selective, b.error, 0, o.filters)[2] / o.filters as high,
    b.chance / o.filters as chance,
    b.permuted[1] / o.filters as chance_low,
    b.permuted[2] / o.filters as chance_high,
    o.selective > b.permuted[2] as beyond_chance,
    o.dead::bigint as dead,
    o.is_pool
from observed o
left join band b using (place, category)
order by o.position, o.category
