-- Moments: what the indices are computed from.

-- fixed(number, scale): a number in units of 1 / scale, as a whole number.
--
-- A sum of whole numbers depends on no order, and loses nothing if one of them is subtracted again: of two categories,
-- the rest of one is exactly the other, and of equal ones the mean of the others is exactly that of each.
create macro fixed(number, scale) as (number * scale)::hugeint;

-- fixed_scale(largest): the power of 2 by which numbers up to `largest` are multiplied for 100 binary digits.
create macro fixed_scale(largest) as 2.0 ** (100 - ceil(log2(coalesce(nullif(largest, 0), 1))));

-- filter_moments(statistic): moments of every filter, with those of its categories in a list.
--
-- One row per layer and filter, with the columns of category_moments that are equal for all categories; the others
-- are in `cells`, in the order of the categories' names.
create macro filter_moments(statistic) as table
with unit as (
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
        [c.total for c in cells] as totals,
        [c.mean for c in cells] as means,
        [c.squared_deviations + c.n * (c.mean - middle) ** 2 for c in cells] as deviations
    from unit
),
scaled as (
    select
        *,
        fixed_scale(list_max([abs(x) for x in totals])) as total_scale,
        fixed_scale(list_max([abs(x) for x in means])) as mean_scale,
        fixed_scale(list_max(deviations)) as deviation_scale
    from listed
),
summed as (
    select
        * exclude (totals, means, deviations),
        list_sum([fixed(x, total_scale) for x in totals]) as fixed_total,
        list_sum([fixed(x, mean_scale) for x in means]) as fixed_means,
        list_sum([fixed(x, deviation_scale) for x in deviations]) as fixed_deviations
    from scaled
),
compared as (
    select
        *,
        [{
            category: c.category,
            n: c.n,
            total: c.total,
            mean: c.mean,
            variance: c.squared_deviations / nullif(c.n - 1, 0),
            rest_n: all_n - c.n,
            rest_total: case when categories > 1 then
                (fixed_total - fixed(c.total, total_scale))::double / total_scale
            end,
            rest_deviations: (
                fixed_deviations
                - fixed(c.squared_deviations + c.n * (c.mean - middle) ** 2, deviation_scale)
            )::double / deviation_scale,
            others_mean:
                (fixed_means - fixed(c.mean, mean_scale))::double / mean_scale / nullif(categories - 1, 0)
        } for c in cells] as compared_cells,
        fixed_total::double / total_scale as all_total,
        fixed_deviations::double / deviation_scale as sum_of_deviations
    from summed
)
select
    layer,
    filter,
    categories,
    all_n,
    all_total,
    greatest(sum_of_deviations - all_n * (all_total / all_n - middle) ** 2, 0) as all_deviations,
    all_lowest,
    all_highest,
    max(peak) over (partition by layer) as layer_peak,
    min(trough) over (partition by layer) as layer_trough,
    -- of a single other stimulus there is no variance; where there is no other at all, greatest() would make 0 of null
    [struct_insert(
        c,
        rest_mean := c.rest_total / c.rest_n,
        rest_variance := case when c.rest_n > 1 then
            greatest(c.rest_deviations - c.rest_n * (c.rest_total / c.rest_n - middle) ** 2, 0) / (c.rest_n - 1)
        end
    ) for c in compared_cells] as cells
from compared;

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
select
    layer,
    filter,
    categories,
    all_n,
    all_total,
    all_deviations,
    all_lowest,
    all_highest,
    layer_peak,
    layer_trough,
    unnest(cells, recursive := true)
from filter_moments(statistic);
