-- Complexity of categories, pair by pair: differences in the proportion and the mean depth of selective filters.
--
-- The complexity of a category has two parts: the proportion of filters selective for it, and their mean depth. It is
-- a property of the network's representation, not of the images' pixels. A reviewer of a matched stimulus set asks:
-- is one category more complex for the network than another?
--
-- For every pair of categories there is the difference in `proportion` and in `mean_depth`; complexity/depth defines
-- both, and explains why they are relative to the set. The interval estimates the mean difference over other sets of
-- as many stimuli (see layers/profile), with both categories taken from the same bootstrap sample. p is two-sided:
-- the proportion of samples that deviate from their mean by the observed difference or more, (b + 1) / (samples + 1).
-- A sample in which one of the categories has no mean depth counts among them, which can only make p larger. A
-- difference that is not significant is no proof of equality: read the interval, and decide beforehand which
-- difference would matter.
--
-- `p_holm` is corrected for all pairs, separately for the proportion and the mean depth (Holm 1979). No p is below 1
-- / (samples + 1), so no p_holm is below that times the number of pairs: 0.015 for 1,000 samples and the 15 pairs of 6
-- categories. With 12 categories, 1,319 samples are needed, or none of the 66 pairs can reach 0.05. Interval and p
-- need `toolbox significance` for the same index and threshold, and are null without it. Pooling layers are excluded.
--
-- Source: Hall and Wilson (1991), doi 10.2307/2532163; Malakhova (2018), doi 10.1109/CVPRW.2018.00265.
--
-- Parameters
--   $index      varchar = 'contrast'  {@indices}     index that is compared with the threshold
--   $threshold  double  = null                       a filter above it is selective; null: that of the index
--   $statistic  varchar = 'maximum'   {@statistics}  statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}      range of equation 1
-- Columns
--   measure          varchar  mean_depth or proportion
--   category         varchar  the first of the pair in alphabetical order
--   other            varchar  the second of the pair
--   selective        bigint   filters selective for the first, over all layers
--   selective_other  bigint   filters selective for the second
--   difference       double   category - other; null where one of them has no mean depth
--   low              double   lower end of the bootstrap interval; null where difference is
--   high             double   upper end of the bootstrap interval; null where difference is
--   p                double   two-sided, of no difference; null where difference is
--   p_holm           double   p corrected for all pairs
--   is_bound         boolean  whether p is the smallest that so many samples allow: then p and p_holm are upper bounds
with sample as (
    select kind, resample, category, selective, proportion, mean_depth
    from category_complexity($index, $statistic, $normalise, $threshold)
    where kind in ('observed', 'bootstrap')
),
long as (
    select * from sample unpivot include nulls (value for measure in (proportion, mean_depth))
),
differing as (
    select
        a.kind,
        a.measure,
        a.category,
        b.category as other,
        a.selective,
        b.selective as selective_other,
        a.value - b.value as value
    from long a
    join long b on a.kind = b.kind and a.resample is not distinct from b.resample and a.measure = b.measure
    where a.category < b.category
),
centred as (
    select
        *,
        observed_value(value, kind) over pair as difference,
        avg(value) filter (kind = 'bootstrap') over pair as center
    from differing
    window pair as (partition by measure, category, other)
),
compared as (
    select
        measure,
        category,
        other,
        observed_value(selective, kind) as selective,
        observed_value(selective_other, kind) as selective_other,
        any_value(difference) as difference,
        bootstrap_error(value, kind) as error,
        count(*) filter (kind = 'bootstrap') as samples,
        -- equal sums differ in their last bits
        count(*) filter (
            kind = 'bootstrap' and coalesce(abs(value - center) >= abs(difference) - 1e-12, true)
        ) as reached
    from centred
    group by measure, category, other
),
tested as (
    select *, case when difference is not null and samples > 0 then (reached + 1) / (samples + 1) end as p
    from compared
),
ordered as (
    select
        *,
        row_number() over (partition by measure order by p nulls last, category, other) as step,
        count(p) over (partition by measure) as tests
    from tested
)
select
    measure,
    category,
    other,
    selective::bigint as selective,
    selective_other::bigint as selective_other,
    difference,
    case when difference is not null then bootstrap_interval(difference, error, -1, 1)[1] end as low,
    case when difference is not null then bootstrap_interval(difference, error, -1, 1)[2] end as high,
    p,
    case when p is not null
        then least(1, max((tests - step + 1) * p) over (partition by measure order by step))
    end::double as p_holm,
    is_smallest_p(p, samples) as is_bound
from ordered
order by measure desc, category, other
