-- Proportion of category-selective filters in every layer.
--
-- The figure a reader knows from the paper: at which depth do filters appear that prefer a category? A filter counts as
-- selective for every category whose index exceeds the threshold, so the proportions of a layer need not add up to 1.
-- The threshold 0.01 belongs to `contrast`; in a share nearly every filter passes it. Pooling layers repeat the maxima of
-- the convolution below them. Dead filters stay in the denominator and are counted.
--
-- Chance is not zero: in a small set many filters pass 0.01 by the accident of which images were shown, and as all saw the
-- same images they pass together, so that the proportion under shuffled labels is now small and now large. `chance` is its
-- mean, the band holds 95 % of the shuffles. A proportion inside the band could be had with labels that mean nothing; of
-- many layers and categories, one in twenty stands outside by accident. Which filters are beyond chance one by one is
-- another question: layers/significant.
--
-- `low` and `high` hold 95 % of the bootstrap samples of the stimuli; the range of every filter stays that of all stimuli.
-- Resampling adds noise of its own: filters near the threshold cross it to and fro, so the interval reaches further
-- towards one half than away from it, and where hardly any filter passes, or nearly all, it may stand beside the
-- proportion. Intervals and chance need `toolbox significance` for the same index and threshold, and are null without it.
--
-- Source: Malakhova (2018), section 2.2 and figure 1, doi 10.1109/CVPRW.2018.00265.
--
-- Parameters
--   $by         varchar = 'layer'     {layer, block}  a row for every layer, or for every block, without its pooling layers
--   $index      varchar = 'contrast'  {@indices}      what the threshold cuts
--   $threshold  double  = 0.01                        a filter above it is selective
--   $statistic  varchar = 'maximum'   {@statistics}   statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}       range of equation 1
-- Columns
--   layer        varchar  as the card names it, in the order of depth; or the block
--   category     varchar
--   filters      bigint   filters of the layer
--   selective    bigint   filters whose index for the category exceeds the threshold
--   proportion   double   selective / filters
--   low          double   lower end of the bootstrap interval
--   high         double   upper end of the bootstrap interval
--   chance       double   mean proportion under shuffled labels
--   chance_low   double   lower end of the chance band
--   chance_high  double   upper end of the chance band
--   dead         bigint   filters with the same response to every stimulus
with observed as (
    select
        p.place,
        min(p.position) as position,
        i.category,
        count(*) as filters,
        count(*) filter (i.value > $threshold) as selective,
        count(*) filter (i.dead) as dead
    from index_values($index, $statistic, $normalise) i
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
        bootstrap_interval(selective, kind) as bootstrap,
        quantile_cont(selective, [0.025, 0.975]) filter (kind = 'permutation') as shuffled,
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
    b.bootstrap[1] / o.filters as low,
    b.bootstrap[2] / o.filters as high,
    b.chance / o.filters as chance,
    b.shuffled[1] / o.filters as chance_low,
    b.shuffled[2] / o.filters as chance_high,
    o.dead::bigint as dead
from observed o
left join band b using (place, category)
order by o.position, o.category
