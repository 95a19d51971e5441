-- Indices of selectivity, each of which is a file in queries/indices/.

-- indices(): every index: name, family (moments, ranks or filter), and whether it is compared with others unasked.
create macro indices() as table
select *
from (values
    {@rows}
) as listed (name, family, is_compared);

-- is_rank_index(index): whether an index is of the family `ranks`; known before any table is read.
create macro is_rank_index(index) as index in ({@names of ranks});

-- is_filter_index(index): whether an index is of the family `filter`.
create macro is_filter_index(index) as index in ({@names of filter});

-- selectivity(statistic, normalise): every index of the family `moments`, of every filter for every category.
--
-- layer, filter, category, n, dead, a column for every index, and welch_df, the degrees of freedom of welch_t.
-- Computed from the view `rollups` alone. With A the responses of one filter, min and max its range, a normalised
-- response is
--     A_N = (A - min) / (max - min)      (Malakhova 2018, equation 1)
-- normalise = 'filter' takes min and max of each filter. normalise = 'layer' takes them over all filters, positions
-- and stimuli of the layer, as the code published with the paper does: 0, after a ReLU, and layer_peak. Where maps
-- can be negative the smallest value over all positions is not known, and the indices of normalised responses are
-- null. A filter with max = min is dead: its indices are null. The small constant that the paper adds to max - min
-- only prevents that division by 0, so it is not needed here.
create macro selectivity(statistic, normalise) as table
with ranged as (
    select
        *,
        all_highest = all_lowest as dead,
        case normalise when 'layer' then 0 else all_lowest end::double as floor,
        nullif(
            case normalise
                when 'filter' then all_highest - all_lowest
                when 'layer' then case when layer_trough >= 0 then layer_peak end
                else error('normalise is ' || normalise || '; expected filter or layer')
            end::double,
            0
        ) as span
    from filter_moments(statistic)
),
summed as (
    select
        *,
        all_deviations / all_n as all_variance,
        list_sum([fixed((c.total - c.n * floor) / span / c.n, 2.0 ** 100) for c in cells])::double / 2.0 ** 100
            as summed_activity_means
    from ranged
),
cell as (
    select * exclude (cells), unnest(cells, recursive := true)
    from summed
),
normalised as (
    select
        *,
        (total - n * floor) / span as activity,
        (rest_total - rest_n * floor) / span as rest_activity,
        variance / n as error,
        rest_variance / rest_n as rest_error
    from cell
),
added as (
    select *, activity + coalesce(rest_activity, 0) as all_activity
    from normalised
)
select
    layer,
    filter,
    category,
    n,
    dead,
    {@values of moments},
    case when not dead then
        (error + rest_error) ** 2 / nullif(error ** 2 / (n - 1) + rest_error ** 2 / (rest_n - 1), 0)
    end as welch_df
from added;

-- rank_indices(statistic, k, of_layer): every index of the family `ranks`, of every filter for every category.
--
-- layer, filter, category, n, and a column for every index. Computed from the responses themselves. Stimuli that tie
-- share their ranks, and the last of the k places. k null means as many as the category has; where there are fewer
-- stimuli than k, all of them. of_layer null means all layers. The indices of a dead filter are null.
create macro rank_indices(statistic, k, of_layer) as table
with presented as (
    select
        stimulus_id,
        category,
        case
            when k < 1 then error('k is ' || k || '; expected 1 or more')
            else coalesce(k, count(*) over (partition by category))
        end as wanted
    from labels
    where stimulus_id in (select stimulus_id from responses where filter = 0)
),
unit as (
    -- one whole number for every filter: sorting by it takes half the time of sorting by the layer's name
    select r.layer, r.filter, (y.position::bigint << 32) + r.filter as number, p.category, p.wanted, r.response
    from response_values(statistic) r
    join presented p using (stimulus_id)
    join layers y using (layer)
    where of_layer is null or r.layer = of_layer
),
ordered as (
    -- the same sort serves all; `last_rank` counts the stimuli with an equal response too
    select
        layer,
        filter,
        category,
        rank() over ascending as first_rank,
        count(*) over ascending as last_rank,
        count(*) over whole as all_n,
        count(*) over descending as category_at_least,
        least(wanted, count(*) over whole) as places
    from unit
    window
        whole as (partition by number),
        ascending as (partition by number order by response),
        descending as (partition by number, category order by response desc)
),
placed as (
    -- those that tie for the last of the k places share what is left of them
    select *, part_of_place(places - (all_n - last_rank), last_rank - first_rank + 1) as part
    from ordered
),
counted as (
    select
        layer,
        filter,
        category,
        count(*)::bigint as n,
        any_value(all_n) as all_n,
        any_value(all_n) - count(*) as rest_n,
        any_value(places) as places,
        any_value(last_rank - first_rank + 1) = any_value(all_n) as dead,
        sum((first_rank + last_rank) / 2) as rank_sum,
        -- in one product and fsum: the order of a sum must not decide which of two filters comes first
        count(*) filter (part = 1)
        + count(*) filter (part > 0 and part < 1) * coalesce(max(part) filter (part < 1), 0) as places_of_category,
        fsum(category_at_least / (all_n - first_rank + 1)) as precision_sum
    from placed
    group by layer, filter, category
)
select
    layer,
    filter,
    category,
    n,
    {@values of ranks}
from counted;

-- filter_indices(statistic): every index of the family `filter`: of every filter as such, whatever the category.
--
-- layer, filter, preferred (the category with the largest mean response; of equal ones the first; null if dead), a
-- column for every index, and dead.
create macro filter_indices(statistic) as table
with unit as (
    select
        layer,
        filter,
        any_value(categories) as categories,
        first(category order by mean desc, category) as preferred,
        max(mean) as highest_mean,
        sum(mean) as summed_means,
        var_samp(mean) as variance_of_means,
        avg(variance) as mean_of_variances,
        any_value(all_n) as all_n,
        any_value(all_total / all_n) as all_mean,
        any_value(all_deviations / all_n) as all_variance,
        any_value(all_lowest) as all_lowest,
        any_value(all_lowest) = any_value(all_highest) as dead
    from category_moments(statistic)
    group by layer, filter
)
select
    layer,
    filter,
    case when not dead then preferred end as preferred,
    {@values of filter},
    dead
from unit;

-- index_values(index, statistic, normalise): one index of every filter for every category, with the layer's place.
--
-- layer, position, depth, is_pool, filter, category, n, dead, value; and share, balanced_share, contrast,
-- correlation. The indices of the other families are computed only when one of them is chosen. The indices of a
-- filter as such are the same for every category.
create macro index_values(index, statistic, normalise) as table
with valued as (
    select
        moments.*,
        case index
            {@choice}
        end as value
    from selectivity(statistic, normalise) moments
    left join (select * from rank_indices(statistic, null, null) where is_rank_index(index)) ranks
        using (layer, filter, category)
    left join (select * from filter_indices(statistic) where is_filter_index(index)) filter
        using (layer, filter)
)
select
    v.layer,
    y.position,
    y.depth,
    y.is_pool,
    v.filter,
    v.category,
    v.n,
    v.dead,
    v.value,
    v.share,
    v.balanced_share,
    v.contrast,
    v.correlation
from valued v
join layers y using (layer);
