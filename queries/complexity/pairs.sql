-- Complexity of classes, two by two: which differ in the number or the depth of their filters.
--
-- What a reviewer asks of a matched stimulus set: is one category more complex for the network than another? For every
-- pair, the difference in `share` and in `depth` (see complexity/depth, also for what makes them relative to the set), its
-- interval (95 % of the bootstrap samples of the stimuli, both categories taken from the same sample) and a two-sided p:
-- twice the smaller part of the samples on either side of 0, 2 (b + 1) / (samples + 1). Samples without a difference count
-- on both sides, as do those in which a category has no depth, which say nothing; so p is never too small for them.
-- Resampling adds noise of its own and so lifts small shares a little, more so for a category with few responsive filters:
-- a difference of two small shares is less sure than its p says.
-- Not significant is not equal: look at the interval, and say beforehand which difference would matter.
--
-- `p_holm` is corrected for all pairs, share and depth each (Holm 1979). No p is below 2 / (samples + 1), so no p_holm is
-- below that times the number of pairs: 0.03 with 1,000 samples and the 15 pairs of 6 categories; 8 categories need 1,200
-- samples, or none of their 28 pairs can reach 0.05. Needs `toolbox significance` for the same index and threshold;
-- interval and p are null without it.
--
-- Source: Efron and Tibshirani (1993), doi 10.1201/9780429246593, chapter 16; Malakhova (2018),
-- doi 10.1109/CVPRW.2018.00265.
--
-- Parameters
--   $index      varchar = 'contrast'  {@indices}     what the threshold cuts
--   $threshold  double  = 0.1                        a filter above it responds highly
--   $statistic  varchar = 'maximum'   {@statistics}  statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}      range of equation 1
-- Columns
--   measure     varchar  depth or share
--   category    varchar  the first of the pair in alphabetical order
--   other       varchar
--   difference  double   category - other; null where one of them has no depth
--   low         double   lower end of the bootstrap interval; null where difference is
--   high        double   upper end of the bootstrap interval; null where difference is
--   p           double   two-sided, of no difference; null where difference is
--   p_holm      double   corrected for all pairs
with sample as (
    select kind, resample, category, proportion, mean_depth
    from category_complexity($index, $statistic, $normalise, $threshold)
    where kind in ('observed', 'bootstrap')
),
long as (
    select * from sample unpivot include nulls (value for measure in (proportion, mean_depth))
),
differing as (
    select a.kind, a.measure, a.category, b.category as other, a.value - b.value as value
    from long a
    join long b on a.kind = b.kind and a.resample is not distinct from b.resample and a.measure = b.measure
    where a.category < b.category
),
compared as (
    select
        measure,
        category,
        other,
        observed_value(value, kind) as difference,
        bootstrap_interval(value, kind) as band,
        count(*) filter (kind = 'bootstrap') as samples,
        -- equal sums differ in their last bits
        count(*) filter (kind = 'bootstrap' and coalesce(value <= 1e-12, true)) as below,
        count(*) filter (kind = 'bootstrap' and coalesce(value >= -1e-12, true)) as above
    from differing
    group by measure, category, other
),
tested as (
    select
        *,
        case when difference is not null and samples > 0
            then least(1, 2 * (least(below, above) + 1) / (samples + 1))
        end as p
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
    difference,
    case when difference is not null then band[1] end as low,
    case when difference is not null then band[2] end as high,
    p,
    case when p is not null
        then least(1, max((tests - step + 1) * p) over (partition by measure order by step))
    end::double as p_holm
from ordered
order by measure desc, category, other
