-- The best layers for a category: where most, and where the most selective, of its detectors lie.
--
-- Which layer is better suited to take features of a category from? Two answers: the layer with the largest proportion of
-- filters selective for it, and the layer whose ten most selective filters are the most selective on average (`strength`;
-- of a layer with fewer filters, all of them). A large layer has more filters to choose ten from, and the ten were chosen
-- on the stimuli that measure them, so strength looks better than it is; selectivity/reliability has the value of every
-- filter measured on other stimuli than those that chose its category. Pooling layers are left out.
--
-- `most` and `strongest` are the shares of the bootstrap samples in which the layer comes first (a tie is shared): near 1
-- the answer is safe, near 1 / number of layers the stimuli cannot tell. Intervals hold 95 % of the samples; that of the
-- strength is drawn upwards, as every sample chooses its own ten filters, and so is that of a small proportion (see
-- layers/profile). They need `toolbox significance` for the same index and threshold, and are null without it.
--
-- Source: Malakhova (2018), section 3, doi 10.1109/CVPRW.2018.00265.
--
-- Parameters
--   $category   varchar = null        {labels.category}  one category; all of them if null
--   $index      varchar = 'contrast'  {@indices}         index
--   $threshold  double  = 0.01                           a filter above it is selective
--   $statistic  varchar = 'maximum'   {@statistics}      statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}          range of equation 1
-- Columns
--   category       varchar
--   rank           bigint   1 is the layer with the largest proportion; of equal ones, the deepest
--   layer          varchar  as the card names it
--   depth          double   0 is the first layer of the network, 1 its last
--   proportion     double   selective filters / filters of the layer
--   low            double   lower end of the bootstrap interval
--   high           double   upper end of the bootstrap interval
--   most           double   share of the bootstrap samples in which the layer has the largest proportion
--   strength       double   mean index of the layer's ten most selective filters
--   strength_low   double   lower end of the bootstrap interval
--   strength_high  double   upper end of the bootstrap interval
--   strongest      double   share of the bootstrap samples in which the layer has the largest strength
with valued as (
    select
        *,
        row_number() over (partition by category, layer order by value desc nulls last, filter) as place
    from index_values($index, $statistic, $normalise)
    where not is_pool
),
observed as (
    select
        category,
        layer,
        position,
        depth,
        count(*) as filters,
        count(*) filter (value > $threshold) / count(*) as proportion,
        avg(value) filter (place <= 10) as strength
    from valued
    group by category, layer, position, depth
),
sampled as (
    select
        d.*,
        d.selective / o.filters as proportion,
        rank() over (partition by d.resample, d.category order by d.selective / o.filters desc) as proportion_rank,
        rank() over (partition by d.resample, d.category order by d.strength desc nulls last) as strength_rank
    from resampled_counts($index, $statistic, $normalise, $threshold) d
    join observed o using (category, layer)
    where d.kind = 'bootstrap'
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
        quantile_cont(proportion, [0.025, 0.975]) as proportions,
        quantile_cont(strength, [0.025, 0.975]) as strengths,
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
    b.proportions[1] as low,
    b.proportions[2] as high,
    b.first_by_proportion,
    o.strength,
    b.strengths[1] as strength_low,
    b.strengths[2] as strength_high,
    b.first_by_strength
from observed o
left join band b using (category, layer)
where $category is null or o.category = $category
order by o.category, rank
