-- Moments: what the indices are computed from.

-- fixed(number, scale): a number in units of 1 / scale, as a whole number.
--
-- A sum of whole numbers depends on no order, and loses nothing if one of them is subtracted again: of two categories,
-- the rest of one is exactly the other, and of equal ones the mean of the others is exactly that of each.
create macro fixed(number, scale) as (number * scale)::hugeint;

-- fixed_scale(largest): the power of 2 by which numbers up to `largest` are multiplied for 100 binary digits.
create macro fixed_scale(largest) as 2.0 ** (100 - ceil(log2(coalesce(nullif(largest, 0), 1))));

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
with cell as not materialized (
    select layer, filter, category, n, sum as total, sum / n as mean, squared_deviations, minimum, maximum
    from rollups r
    where r.statistic = case
        when statistic in ('maximum', 'mean') then statistic
        else error('the statistic is ' || statistic || '; expected maximum or mean')
    end
),
whole as (
    select
        layer,
        max(maximum) filter (r.statistic = 'maximum') as layer_peak,
        min(minimum) filter (r.statistic = 'mean') as layer_trough
    from rollups r
    group by layer
),
unit as (
    select
        layer,
        filter,
        count(*) as categories,
        sum(n)::bigint as all_n,
        min(minimum) as all_lowest,
        max(maximum) as all_highest,
        quantile_disc(mean, 0.5) as middle,
        fixed_scale(max(abs(total))) as total_scale,
        fixed_scale(max(abs(mean))) as mean_scale,
        fixed_scale(max(squared_deviations) + max(n) * (max(mean) - min(mean)) ** 2) as deviation_scale
    from cell
    group by layer, filter
),
scaled as not materialized (
    select
        c.* exclude (minimum, maximum),
        u.* exclude (layer, filter),
        fixed(total, total_scale) as fixed_total,
        fixed(mean, mean_scale) as fixed_mean,
        fixed(squared_deviations + n * (mean - middle) ** 2, deviation_scale) as fixed_deviations
    from cell c
    join unit u using (layer, filter)
),
summed as (
    select
        layer,
        filter,
        sum(fixed_total) as fixed_totals,
        sum(fixed_mean) as fixed_means,
        sum(fixed_deviations) as all_fixed_deviations
    from scaled
    group by layer, filter
),
compared as (
    select
        *,
        all_n - n as rest_n,
        case when categories > 1 then (fixed_totals - fixed_total)::double / total_scale end as rest_total,
        (all_fixed_deviations - fixed_deviations)::double / deviation_scale as rest_deviations,
        (fixed_means - fixed_mean)::double / mean_scale / nullif(categories - 1, 0) as others_mean,
        fixed_totals::double / total_scale as all_total,
        all_fixed_deviations::double / deviation_scale as sum_of_deviations
    from scaled
    join summed using (layer, filter)
)
select
    layer,
    filter,
    category,
    categories,
    n,
    total,
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
    greatest(sum_of_deviations - all_n * (all_total / all_n - middle) ** 2, 0) as all_deviations,
    all_lowest,
    all_highest,
    layer_peak,
    layer_trough
from compared
join whole using (layer);
