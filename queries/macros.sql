-- Formulas that several queries use. One table macro a concept; each says what it returns. An argument that is none of
-- those named is an error, never a default.

-- chosen(statistic): every response, as the chosen statistic of its map: 'maximum' or 'mean'.
create macro chosen(statistic) as table
select
    layer,
    filter,
    stimulus_id,
    case statistic
        when 'maximum' then maximum
        when 'mean' then mean
        else error('the statistic is ' || statistic || '; expected maximum or mean')
    end::double as response,
    maximum,
    mean
from responses;

-- one_filter(of_layer, number, statistic): the responses of a single filter: stimulus_id, response.
create macro one_filter(of_layer, number, statistic) as table
select stimulus_id, response
from chosen(statistic)
where
    layer = of_layer
    and filter = number
    and (
        select case
            when number between 0 and filters - 1 then true
            else error('no filter ' || number || ' in ' || layer || '; expected 0 to ' || (filters - 1))
        end
        from layers
        where layer = of_layer
    );

-- cells(statistic): what every index is made of, one row per layer, filter and category.
--
-- n stimuli of the category; total, lowest and highest response of the filter to them; and the same over all labelled
-- stimuli (all_n, all_total, all_lowest, all_highest). These merge over stimuli, so they never need the images again.
-- layer_peak is the largest `maximum` of the whole layer: the upper end of the layer-wide range. layer_trough is its
-- smallest `mean`: below 0 in a layer whose maps can be negative.
create macro cells(statistic) as table
with cell as (
    select
        layer,
        filter,
        category,
        count(*)::bigint as n,
        sum(response)::double as total,
        min(response) as lowest,
        max(response) as highest,
        max(maximum)::double as peak,
        min(mean)::double as trough
    from chosen(statistic)
    join labels using (stimulus_id)
    group by layer, filter, category
)
select
    layer,
    filter,
    category,
    n,
    total,
    lowest,
    highest,
    (sum(n) over unit)::bigint as all_n,
    sum(total) over unit as all_total,
    min(lowest) over unit as all_lowest,
    max(highest) over unit as all_highest,
    max(peak) over (partition by layer) as layer_peak,
    min(trough) over (partition by layer) as layer_trough
from cell
window unit as (partition by layer, filter);

-- selectivity(statistic, normalise): share, balanced share and contrast of every filter for every category.
--
-- With A the responses of one filter, min and max its range, N stimuli in all and n_c of category c (Malakhova 2018,
-- equations 1 and 2):
--     A_N            = (A - min) / (max - min)
--     share          = sum of A_N over c / sum of A_N        = (S_c - n_c min) / (S - N min)
--     m_c            = mean of A_N over c
--     balanced_share = m_c / sum of m_k over the K categories
--     contrast       = m_c - mean of A_N over all other stimuli
-- normalise = 'filter' takes min and max of each filter (equation 1). normalise = 'layer' takes them over all filters,
-- positions and stimuli of the layer, as the code published with the paper does: 0, after a ReLU, and layer_peak. Where
-- maps can be negative the smallest position is not known, and the indices are null.
-- A filter with max = min is dead: its indices are null. The small constant that the paper adds to max - min only
-- guards that division, so it is not needed here.
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
    from cells(statistic)
),
normalised as (
    select
        layer,
        filter,
        category,
        n,
        dead,
        (total - n * floor) / nullif(span, 0) as activity,
        (all_total - all_n * floor) / nullif(span, 0) as all_activity,
        all_n
    from ranged
)
select
    layer,
    filter,
    category,
    n,
    dead,
    case when not dead then activity / n end as response,
    case when not dead then activity / nullif(all_activity, 0) end as share,
    case when not dead then (activity / n) / nullif(sum(activity / n) over (partition by layer, filter), 0) end
        as balanced_share,
    case when not dead then activity / n - (all_activity - activity) / nullif(all_n - n, 0) end as contrast
from normalised;

-- indexed(index, statistic, normalise): one chosen index of every filter for every category, with the layer's place.
--
-- depth runs from 0, the first layer of the network's card, to 1, its last.
create macro indexed(index, statistic, normalise) as table
select
    s.layer,
    y.position,
    ((y.position - 1) / nullif((select max(position) from layers) - 1, 0))::double as depth,
    y.kind,
    s.filter,
    s.category,
    s.n,
    s.dead,
    case index
        when 'share' then s.share
        when 'balanced_share' then s.balanced_share
        when 'response' then s.response
        when 'contrast' then s.contrast
        else error('the index is ' || index || '; expected contrast, share, balanced_share or response')
    end as value,
    s.share,
    s.balanced_share,
    s.contrast
from selectivity(statistic, normalise) s
join layers y using (layer);

-- paired(index, statistic, normalise): one index of every filter for every category, here and in a published table.
--
-- The table is the view `reference` (layer, filter, category, value), which `toolbox replicate` brings along. One row for
-- each of its rows whose layer and category are in the study; `here` is null where the filter has no index, `there`
-- where the table has no value.
create macro paired(index, statistic, normalise) as table
select
    p.layer,
    p.position,
    p.filter,
    p.category,
    p.value as here,
    r.value::double as there
from indexed(index, statistic, normalise) p
join reference r on r.layer = p.layer and r.filter = p.filter and r.category = p.category;
