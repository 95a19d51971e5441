-- Moments: what the indices are computed from.

-- category_moments(statistic): moments of every filter's responses to each category and to all other stimuli.
--
-- One row per layer, filter and category, computed from the view `rollups`; responses and images are not needed.
--     n, total, mean, variance                        of the responses to the category; variance with n - 1
--     rest_n, rest_total, rest_mean, rest_variance    of those to the stimuli of all other categories
--     others_mean                                     mean of the mean responses to the other categories
--     all_n, all_total, all_deviations                of all responses; the squared deviations from their mean
--     all_lowest, all_highest                         smallest and largest response
--     categories                                      number of categories
--     layer_peak                                      largest `maximum` of the layer: the upper end of its range
--     layer_trough                                    smallest `mean` of the layer; below 0 if maps can be negative
-- All stimuli are the labelled ones: a scheme that labels a subset is an analysis of that subset. Deviations are
-- counted from a mean in the middle of the categories' means: from 0, or from the mean of all, a small variance of
-- the rest would be lost in rounding errors.
create macro category_moments(statistic) as table
with rolled as (
    select
        *,
        sum / n as mean,
        max(maximum) filter (r.statistic = 'maximum') over whole as layer_peak,
        min(minimum) filter (r.statistic = 'mean') over whole as layer_trough
    from rollups r
    window whole as (partition by layer)
),
cell as (
    select b.*, quantile_disc(mean, 0.5) over (partition by layer, filter) as middle
    from rolled b
    where b.statistic = case
        when statistic in ('maximum', 'mean') then statistic
        else error('the statistic is ' || statistic || '; expected maximum or mean')
    end
),
summed as (
    select
        *,
        squared_deviations + n * (mean - middle) ** 2 as deviations,
        (sum(n) over unit)::bigint as all_n,
        sum(sum) over unit as all_total,
        count(*) over unit as categories,
        min(minimum) over unit as all_lowest,
        max(maximum) over unit as all_highest,
        coalesce(sum(n) over rest, 0)::bigint as rest_n,
        sum(sum) over rest as rest_total,
        sum(squared_deviations + n * (mean - middle) ** 2) over rest as rest_deviations,
        avg(mean) over rest as others_mean
    from cell
    window
        -- ordered, so that sums are added in one order, and equal to the last digit every time
        unit as (
            partition by layer, filter order by category
            rows between unbounded preceding and unbounded following
        ),
        rest as (
            partition by layer, filter order by category
            rows between unbounded preceding and unbounded following exclude current row
        )
)
select
    layer,
    filter,
    category,
    categories,
    n,
    sum as total,
    mean,
    squared_deviations / nullif(n - 1, 0) as variance,
    rest_n,
    rest_total,
    rest_total / rest_n as rest_mean,
    -- of a single other stimulus there is none; where there is no other at all, greatest() would make 0 of null
    case when rest_n > 1 then
        greatest(rest_deviations - rest_n * (rest_total / rest_n - middle) ** 2, 0) / (rest_n - 1)
    end as rest_variance,
    others_mean,
    all_n,
    all_total,
    greatest(sum(deviations) over unit - all_n * (all_total / all_n - middle) ** 2, 0) as all_deviations,
    all_lowest,
    all_highest,
    layer_peak,
    layer_trough
from summed
window unit as (
    partition by layer, filter order by category
    rows between unbounded preceding and unbounded following
);
