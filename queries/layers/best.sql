-- The best layers for a category: the most selective filters by proportion, and the strongest by their index.
--
-- Which layer is best suited for taking features of a category from it? There are two answers: the layer with the
-- largest proportion of filters selective for the category, and the layer with the largest `strength`. The strength
-- is the mean index of the layer's ten most selective filters, or of all filters of a layer with fewer. By default
-- the index is the response contrast (`contrast`: difference between the mean normalised responses to the category
-- and to all others).
--
-- The strength is biased upwards for two reasons: a large layer has more filters from which the ten are chosen, and
-- the ten are chosen on the stimuli that measure them. The strength for permuted labels is therefore not 0: compare
-- with its chance band. selectivity/reliability reports the index of every filter on
-- other stimuli than those that chose its category. Pooling layers are excluded.
--
-- `first_by_proportion` and `first_by_strength` are the proportions of the bootstrap samples in which the layer comes
-- first; tied layers divide a sample equally. Near 1 the answer is reliable. Near 1 / number of layers the stimuli
-- cannot decide. The intervals estimate the mean over other sets of as many stimuli (see layers/profile). That of the
-- strength is for sets that each choose their own ten filters: it is no interval of the index of these ten. All of
-- them need `toolbox significance` for the same index and threshold, and are null without it.
--
-- Source: Malakhova (2018), section 3, doi 10.1109/CVPRW.2018.00265.
--
-- Parameters
--   $category   varchar = null        {labels.category}  one category; all of them if null
--   $index      varchar = 'contrast'  {@indices}         index that is compared with the threshold
--   $threshold  double  = null                           a filter above it is selective; null: that of the index
--   $statistic  varchar = 'maximum'   {@statistics}      statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}          range of equation 1
-- Columns
--   category              varchar
--   rank                  bigint   1 is the layer with the largest proportion; of equal ones, the deepest
--   layer                 varchar  as the card names it
--   depth                 double   network depth, 0 (first layer) to 1 (last)
--   proportion            double   selective filters / filters of the layer
--   low                   double   lower end of the bootstrap interval
--   high                  double   upper end of the bootstrap interval
--   chance                double   mean proportion for permuted labels
--   chance_low            double   lower end of the chance band
--   chance_high           double   upper end of the chance band
--   beyond_chance         boolean  whether the proportion is above the chance band; null where there is none
--   first_by_proportion   double   proportion of the bootstrap samples in which the layer has the largest proportion
--   strength              double   mean index of the layer's ten most selective filters
--   strength_low          double   lower end of the bootstrap interval
--   strength_high         double   upper end of the bootstrap interval
--   strength_chance       double   mean strength for permuted labels
--   strength_chance_low   double   lower end of its chance band
--   strength_chance_high  double   upper end of its chance band
--   first_by_strength     double   proportion of the bootstrap samples in which the layer has the largest strength
with valued as (
    select
        i.*,
        t.threshold,
        row_number() over (partition by i.category, i.layer order by i.value desc nulls last, i.filter) as place
    from index_values($index, $statistic, $normalise) i
    join index_thresholds($index, $threshold) t using (category)
    where not i.is_pool
),
observed as (
    select
        category,
        layer,
        position,
        depth,
        count(*) as filters,
        count(*) filter (value > threshold) / count(*) as proportion,
        avg(value) filter (place <= 10) as strength
    from valued
    group by category, layer, position, depth
),
counted as (
    select d.*, d.selective / o.filters as proportion
    from resampled_counts($index, $statistic, $normalise, $threshold) d
    join observed o using (category, layer)
),
chance as (
    select
        category,
        layer,
        permutation_interval(proportion, kind) as permuted,
        permutation_interval(strength, kind) as permuted_strength,
        avg(proportion) filter (kind = 'permutation') as chance,
        avg(strength) filter (kind = 'permutation') as strength_chance
    from counted
    group by category, layer
),
sampled as (
    select
        *,
        rank() over (partition by resample, category order by proportion desc) as proportion_rank,
        rank() over (partition by resample, category order by strength desc nulls last) as strength_rank
    from counted
    where kind = 'bootstrap'
),
first_place as (
    select
        *,
        case when proportion_rank = 1
            then 1 / count(*) filter (proportion_rank = 1) over (partition by resample, category) else 0
        end as first_by_proportion,
        case when strength_rank = 1
            then 1 / count(*) filter (strength_rank = 1) over (partition by resample, category) else 0
        end as first_by_strength
    from sampled
),
band as (
    select
        category,
        layer,
        bootstrap_error(proportion, kind) as proportion_error,
        bootstrap_error(strength, kind) as strength_error,
        avg(first_by_proportion) as first_by_proportion,
        avg(first_by_strength) as first_by_strength
    from first_place
    group by category, layer
)
select
    o.category,
    row_number() over (partition by o.category order by o.proportion desc, o.position desc)::bigint as rank,
    o.layer,
    o.depth,
    o.proportion,
    bootstrap_interval(o.proportion, b.proportion_error, 0, 1)[1] as low,
    bootstrap_interval(o.proportion, b.proportion_error, 0, 1)[2] as high,
    c.chance,
    c.permuted[1] as chance_low,
    c.permuted[2] as chance_high,
    o.proportion > c.permuted[2] as beyond_chance,
    b.first_by_proportion,
    o.strength,
    bootstrap_interval(o.strength, b.strength_error, null, null)[1] as strength_low,
    bootstrap_interval(o.strength, b.strength_error, null, null)[2] as strength_high,
    c.strength_chance,
    c.permuted_strength[1] as strength_chance_low,
    c.permuted_strength[2] as strength_chance_high,
    b.first_by_strength
from observed o
left join band b using (category, layer)
left join chance c using (category, layer)
where $category is null or o.category = $category
order by o.category, rank
