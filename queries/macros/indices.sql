-- Indices of selectivity.

-- selectivity(statistic, normalise): every index of every filter for every category that can be had from roll-ups.
--
-- With A the responses of one filter, min and max its range, N labelled stimuli and n_c of category c (Malakhova 2018,
-- equations 1 and 2); mu and s^2 are mean and variance (n - 1) of the responses as they are:
--     A_N            = (A - min) / (max - min)
--     response       = m_c = mean of A_N over c
--     share          = sum of A_N over c / sum of A_N        = (S_c - n_c min) / (S - N min)
--     balanced_share = m_c / sum of m_k over the K categories
--     contrast       = m_c - mean of A_N over all other stimuli
--     csi            = (mu_c - mu_o) / (mu_c + mu_o), mu_o the mean of the other categories' means (Morcos et al. 2018)
--     fsi            = (mu_c - mu_rest) / (mu_c + mu_rest), mu_rest the mean over all other stimuli; 1 or -1 where they
--                      differ in sign (Freiwald, Tsao and Livingstone 2009)
--     d_prime        = (mu_c - mu_rest) / sqrt((s_c^2 + s_rest^2) / 2)
--     welch_t        = (mu_c - mu_rest) / sqrt(s_c^2 / n_c + s_rest^2 / n_rest), with welch_df degrees of freedom
-- normalise = 'filter' takes min and max of each filter (equation 1). normalise = 'layer' takes them over all filters,
-- positions and stimuli of the layer, as the code published with the paper does: 0, after a ReLU, and layer_peak. Where
-- maps can be negative the smallest position is not known, and response, shares and contrast are null. The other four
-- indices have no range to be normalised to.
-- A filter with max = min is dead: its indices are null. The small constant that the paper adds to max - min only
-- guards that division, so it is not needed here. csi needs responses that are never negative, and is null otherwise.
create macro selectivity(statistic, normalise) as table
with ranged as (
    select
        *,
        all_highest = all_lowest as dead,
        case normalise when 'layer' then 0 else all_lowest end::double as floor,
        case normalise
            when 'filter' then all_highest - all_lowest
            when 'layer' then case when layer_trough >= 0 then layer_peak end
            else error('normalise is ' || normalise || '; expected filter or layer')
        end::double as span
    from category_moments(statistic)
),
normalised as (
    select
        *,
        (total - n * floor) / nullif(span, 0) as activity,
        (rest_total - rest_n * floor) / nullif(span, 0) as rest_activity,
        variance / n as error,
        rest_variance / rest_n as rest_error
    from ranged
)
select
    layer,
    filter,
    category,
    n,
    dead,
    case when not dead then activity / n end as response,
    case when not dead then activity / nullif(activity + coalesce(rest_activity, 0), 0) end as share,
    case when not dead then (activity / n) / nullif(sum(activity / n) over (partition by layer, filter), 0) end
        as balanced_share,
    case when not dead then activity / n - rest_activity / rest_n end as contrast,
    case when not dead and all_lowest >= 0 then (mean - others_mean) / nullif(mean + others_mean, 0) end as csi,
    case when not dead then
        case
            when mean * rest_mean < 0 then sign(mean)
            when mean + rest_mean > 0 then (mean - rest_mean) / (mean + rest_mean)
        end
    end::double as fsi,
    case when not dead then (mean - rest_mean) / nullif(sqrt((variance + rest_variance) / 2), 0) end as d_prime,
    case when not dead then (mean - rest_mean) / nullif(sqrt(error + rest_error), 0) end as welch_t,
    case when not dead then
        (error + rest_error) ** 2 / nullif(error ** 2 / (n - 1) + rest_error ** 2 / (rest_n - 1), 0)
    end as welch_df
from normalised;

-- rank_indices(statistic, k, of_layer): the rank-based indices of every filter for every category, from the responses themselves.
--
--     auc       = U / (n_c n_rest), U the number of pairs in which the stimulus of c evokes more, ties counting one half
--                 (Mann and Whitney 1947)
--     precision = fraction of the k most activating stimuli that belong to c; k = n_c if null, and all stimuli where there
--                 are fewer. Stimuli that tie for the last places share them, so that no order decides
-- A dead filter has neither; auc is null where there is no other category. of_layer null means all layers.
create macro rank_indices(statistic, k, of_layer) as table
with shown as (
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
    select r.layer, r.filter, (y.position::bigint << 32) + r.filter as number, l.category, l.wanted, r.response
    from response_values(statistic) r
    join shown l using (stimulus_id)
    join layers y using (layer)
    where of_layer is null or r.layer = of_layer
),
placed as (
    -- the same sort serves all; `last_rank` counts the peers of a response too
    select
        layer,
        filter,
        category,
        rank() over ordered as first_rank,
        count(*) over ordered as last_rank,
        count(*) over whole as stimuli,
        least(wanted, count(*) over whole) as places
    from unit
    window
        whole as (partition by number),
        ordered as (partition by number order by response)
),
sized as (
    select *, last_rank - first_rank + 1 as ties from placed
)
select
    layer,
    filter,
    category,
    count(*)::bigint as n,
    case when any_value(ties) < any_value(stimuli) then
        (sum((first_rank + last_rank) / 2) - count(*) * (count(*) + 1) / 2)
        / nullif(count(*) * (any_value(stimuli) - count(*)), 0)
    end::double as auc,
    case when any_value(ties) < any_value(stimuli) then
        sum(greatest(least((places - (stimuli - last_rank)) / ties, 1), 0)) / any_value(places)
    end::double as precision
from sized
group by layer, filter, category;

-- filter_indices(statistic): the indices of every filter as such, whatever the category: see selectivity/filters.
create macro filter_indices(statistic) as table
with unit as (
    select
        layer,
        filter,
        any_value(categories) as categories,
        first(category order by mean desc, category) as preferred,
        max(mean) as highest,
        sum(mean) as summed,
        first(others_mean order by mean desc, category) as others,
        var_samp(mean) as signal,
        avg(variance) as noise,
        any_value(all_n) as n,
        any_value(all_total / all_n) as mean,
        any_value(all_deviations / all_n) as variance,
        any_value(all_lowest) >= 0 as is_positive,
        any_value(all_lowest) = any_value(all_highest) as dead
    from category_moments(statistic)
    group by layer, filter
)
select
    u.layer,
    u.filter,
    case when not u.dead then u.preferred end as preferred,
    case when not u.dead and u.is_positive then (u.highest - u.others) / nullif(u.highest + u.others, 0) end as csi,
    case when not u.dead and u.is_positive
        then (u.categories - u.summed / nullif(u.highest, 0)) / nullif(u.categories - 1, 0)
    end as depth_of_selectivity,
    case when not u.dead and u.is_positive
        then u.variance / nullif(u.variance + u.mean ** 2, 0) / nullif(1 - 1 / u.n, 0)
    end as lifetime_sparseness,
    case when not u.dead then u.signal / nullif(u.noise, 0) end as signal_to_noise,
    u.dead
from unit u;

-- index_values(index, statistic, normalise): one chosen index of every filter for every category, with the layer's place.
--
-- depth runs from 0, the first layer of the network's card, to 1, its last. The rank-based indices are worked out only
-- when one of them is chosen. The indices of a filter as such are the same for every category.
create macro index_values(index, statistic, normalise) as table
with valued as (
    select
        s.*,
        case index
            when 'contrast' then s.contrast
            when 'share' then s.share
            when 'balanced_share' then s.balanced_share
            when 'response' then s.response
            when 'csi' then s.csi
            when 'fsi' then s.fsi
            when 'd_prime' then s.d_prime
            when 'welch_t' then s.welch_t
            when 'auc' then r.auc
            when 'precision' then r.precision
            when 'depth_of_selectivity' then t.depth_of_selectivity
            when 'lifetime_sparseness' then t.lifetime_sparseness
            when 'signal_to_noise' then t.signal_to_noise
            else error(
                'the index is ' || index || '; expected contrast, share, balanced_share, response, csi, fsi, d_prime, '
                || 'welch_t, auc, precision, depth_of_selectivity, lifetime_sparseness or signal_to_noise'
            )
        end as value
    from selectivity(statistic, normalise) s
    left join (select * from rank_indices(statistic, null, null) where index in ('auc', 'precision')) r
        using (layer, filter, category)
    left join (
        select * from filter_indices(statistic)
        where index in ('depth_of_selectivity', 'lifetime_sparseness', 'signal_to_noise')
    ) t using (layer, filter)
)
select
    v.layer,
    y.position,
    ((y.position - 1) / nullif((select max(position) from layers) - 1, 0))::double as depth,
    y.kind,
    v.filter,
    v.category,
    v.n,
    v.dead,
    v.value,
    v.share,
    v.balanced_share,
    v.contrast
from valued v
join layers y using (layer);
