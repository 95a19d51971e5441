-- Complexity of classes, two by two: which differ in the number or the depth of their filters.
--
-- What a reviewer asks of a matched stimulus set: is one category more complex for the network than another? For every
-- pair, the difference in `share` and in `depth` (see complexity/depth), its interval (95 % of the bootstrap samples of the
-- stimuli) and a two-sided p, twice the smaller part of the samples on either side of 0, (b + 1) / (samples + 1).
-- `p_holm` is corrected for all pairs, share and depth each (Holm 1979). Not significant is not equal: look at the interval,
-- and say beforehand which difference would matter. Needs `toolbox significance` for the same index and threshold; interval
-- and p are null without it.
--
-- Source: Efron and Tibshirani (1993), doi 10.1201/9780429246593, chapter 16; Malakhova (2018),
-- doi 10.1109/CVPRW.2018.00265.
--
-- Parameters
--   $index      varchar = 'contrast'  {contrast, share, balanced_share, response, csi, fsi, d_prime, welch_t, auc, precision}  what the threshold cuts
--   $threshold  double  = 0.1                         a filter above it responds highly
--   $statistic  varchar = 'maximum'   {maximum, mean}  statistic of the activation map
--   $normalise  varchar = 'filter'    {filter, layer}  range of equation 1
-- Columns
--   measure     varchar  depth or share
--   category    varchar  the first of the pair in alphabetical order
--   other       varchar
--   difference  double   category - other; null where one of them has no depth
--   low         double   lower end of the bootstrap interval
--   high        double   upper end of the bootstrap interval
--   p           double   two-sided, of no difference
--   p_holm      double   corrected for all pairs
with long as (
    unpivot (
        select kind, draw, category, share, depth from depths($index, $statistic, $normalise, $threshold)
    )
    on share, depth into name measure value value
),
difference as (
    select a.kind, a.measure, a.category, b.category as other, a.value - b.value as value
    from long a
    join long b on a.kind = b.kind and a.draw is not distinct from b.draw and a.measure = b.measure
    where a.category < b.category
),
pair as (
    select a.measure, a.category, b.category as other
    from (select distinct measure, category from long where kind = 'observed') a
    join (select distinct measure, category from long where kind = 'observed') b using (measure)
    where a.category < b.category
),
tested as (
    select
        measure,
        category,
        other,
        any_value(value) filter (kind = 'observed') as difference,
        quantile_cont(value, 0.025) filter (kind = 'bootstrap') as low,
        quantile_cont(value, 0.975) filter (kind = 'bootstrap') as high,
        case when count(*) filter (kind = 'bootstrap') > 0 then least(
            1,
            2 * (
                least(
                    count(*) filter (kind = 'bootstrap' and value <= 0),
                    count(*) filter (kind = 'bootstrap' and value >= 0)
                ) + 1
            ) / (count(*) filter (kind = 'bootstrap') + 1)
        ) end as p
    from pair
    left join difference using (measure, category, other)
    group by measure, category, other
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
    difference,
    low,
    high,
    p,
    case when p is not null
        then least(1, max((tests - step + 1) * p) over (partition by measure order by step))
    end::double as p_holm
from ordered
order by measure desc, category, other
