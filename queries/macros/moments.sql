-- Moments: what the indices are computed from.

-- magnitude(numbers): sum of the absolute values of a list.
create macro magnitude(numbers) as list_sum([abs(x) for x in numbers]);

-- sum_of_small(numbers, magnitude): sum of those numbers of a list that make up at most half of its magnitude.
create macro sum_of_small(numbers, magnitude) as list_sum([x for x in numbers if 2 * abs(x) <= magnitude]);

-- sum_of_others(number, total, magnitude, sum_of_small): sum of a list without one of its numbers.
--
-- A difference of two sums loses digits if the number makes up most of the list. There is one such number at most,
-- and then the others are the small ones.
create macro sum_of_others(number, total, magnitude, sum_of_small) as
    case when 2 * abs(number) > magnitude then sum_of_small else total - number end;

-- category_moments(statistic): moments of every filter's responses to each category and to all other stimuli.
--
-- One row per layer, filter and category, computed from the view `rollups`; responses and images are not needed.
--     n, total, mean, variance                        of the responses to the category; variance with n - 1
--     rest_n, rest_total, rest_mean, rest_variance    of those to the stimuli of all other categories
--     others_mean                                     mean of the mean responses to the other categories
--     all_means                                       sum of the mean responses to all categories
--     all_n, all_total, all_deviations                of all responses; the squared deviations from their mean
--     all_lowest, all_highest                         smallest and largest response
--     categories                                      number of categories
--     layer_peak                                      largest `maximum` of the layer: the upper end of its range
--     layer_trough                                    smallest `mean` of the layer; below 0 if maps can be negative
-- All stimuli are the labelled ones: a scheme that labels a subset is an analysis of that subset. Deviations are
-- counted from a mean in the middle of the categories' means: from 0, or from the mean of all, a small variance of
-- the rest would be lost in rounding errors.
create macro category_moments(statistic) as table
with unit as (
    -- ordered lists, so that sums are added in one order, and equal to the last digit every time
    select
        layer,
        filter,
        max(maximum) filter (r.statistic = 'maximum') as peak,
        min(minimum) filter (r.statistic = 'mean') as trough,
        min(minimum) filter (r.statistic = chosen) as all_lowest,
        max(maximum) filter (r.statistic = chosen) as all_highest,
        (sum(n) filter (r.statistic = chosen))::bigint as all_n,
        count(*) filter (r.statistic = chosen) as categories,
        quantile_disc(sum / n, 0.5) filter (r.statistic = chosen) as middle,
        list(
            {category: category, n: n, total: sum, mean: sum / n, squared_deviations: squared_deviations}
            order by category
        ) filter (r.statistic = chosen) as cells
    from rollups r
    cross join (
        select case
            when statistic in ('maximum', 'mean') then statistic
            else error('the statistic is ' || statistic || '; expected maximum or mean')
        end as chosen
    )
    group by layer, filter
),
listed as (
    select
        *,
        max(peak) over (partition by layer) as layer_peak,
        min(trough) over (partition by layer) as layer_trough,
        [c.total for c in cells] as totals,
        [c.mean for c in cells] as means,
        [c.squared_deviations + c.n * (c.mean - middle) ** 2 for c in cells] as deviations
    from unit
),
summed as (
    select
        *,
        list_sum(totals) as all_total,
        magnitude(totals) as total_magnitude,
        list_sum(means) as all_means,
        magnitude(means) as mean_magnitude,
        list_sum(deviations) as sum_of_deviations
    from listed
),
small as (
    select
        * exclude (totals, means),
        sum_of_small(totals, total_magnitude) as small_total,
        sum_of_small(means, mean_magnitude) as small_means,
        sum_of_small(deviations, sum_of_deviations) as small_deviations
    from summed
),
cell as (
    select * exclude (cells, deviations), unnest(cells, recursive := true), unnest(deviations) as own_deviations
    from small
),
compared as (
    select
        *,
        all_n - n as rest_n,
        case when categories > 1 then
            sum_of_others(total, all_total, total_magnitude, small_total)
        end as rest_total,
        sum_of_others(own_deviations, sum_of_deviations, sum_of_deviations, small_deviations)
            as rest_deviations,
        sum_of_others(mean, all_means, mean_magnitude, small_means) / nullif(categories - 1, 0)
            as others_mean
    from cell
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
    all_means,
    all_n,
    all_total,
    greatest(sum_of_deviations - all_n * (all_total / all_n - middle) ** 2, 0) as all_deviations,
    all_lowest,
    all_highest,
    layer_peak,
    layer_trough
from compared;
