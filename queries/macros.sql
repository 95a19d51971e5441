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

-- tuning_curve(named, of_layer, statistic): mean response of every filter at every value of a numeric stimulus parameter.
--
-- layer, filter, value, response, the mean over the values of all other parameters. of_layer null means all layers.
create macro tuning_curve(named, of_layer, statistic) as table
select
    r.layer,
    r.filter,
    p.value::double as value,
    avg(r.response) as response
from chosen(statistic) r
join parameters p using (stimulus_id)
where p.parameter = named and (of_layer is null or r.layer = of_layer)
group by r.layer, r.filter, p.value;

-- peaks(named, of_layer, statistic, period, level): the tuning curve of every filter, measured from its peak.
--
-- period: 180 for orientations and 360 for directions in degrees: values are folded into it, and the curve is read round
-- the circle. Null for a curve over frequencies, read along the octaves; values of 0 and below have none and are left out.
-- One row per layer and filter:
--     best               value with the largest response R, the smallest of them if there are several
--     peak, lowest       largest and smallest R
--     below, above       way from the best value, down and up, to where the curve has fallen to level * peak, in degrees or
--                        octaves, by linear interpolation; null if it does not fall so low, the peak is not above 0, or
--                        level is null
--     total, x, y        sum of R, and of R e^(2 pi i value / period)
--     opposite           R half a period from the best value, null if that was not shown
--     narrowest, widest  steps between neighbouring values
create macro peaks(named, of_layer, statistic, period, level) as table
with folded as (
    select
        layer,
        filter,
        -- rounded, so that 180.1 folds onto 0.1; the last modulo takes what was rounded up to the period back to 0
        case when period is null then log2(value) else round(value - period * floor(value / period), 6) % period end
            as place,
        min(value) as value,
        avg(response) as response
    from tuning_curve(named, of_layer, statistic)
    where period is not null or value > 0
    group by all
),
ranked as (
    select
        *,
        first_value(response) over down as peak,
        first_value(place) over down as best_place,
        first_value(case when period is null then value else place end) over down as best
    from folded
    window down as (partition by layer, filter order by response desc, place)
),
turned as (
    select
        *,
        back = 0 as is_once,
        case when period is null then place - best_place else (place - best_place + period) % period - back * period end
            as distance
    from ranked, (values (0), (1)) as turn (back)
    where back = 0 or period is not null
),
stepped as (
    select
        *,
        case when peak > 0 then level * peak end as low,
        distance - lag(distance) over across as step,
        lag(response) over across as response_before,
        lead(distance) over across - distance as step_after,
        lead(response) over across as response_after
    from turned
    window across as (partition by layer, filter order by distance)
),
crossed as (
    select
        *,
        case
            when distance > 0 and response <= low and response_before > low
                then distance - step * (low - response) / (response_before - response)
        end as crossing_above,
        case
            when distance < 0 and response <= low and response_after > low
                then distance + step_after * (low - response) / (response_after - response)
        end as crossing_below
    from stepped
)
select
    layer,
    filter,
    any_value(best) as best,
    any_value(peak) as peak,
    min(response) as lowest,
    -max(crossing_below) as below,
    min(crossing_above) as above,
    sum(response) filter (where is_once) as total,
    sum(response * cos(2 * pi() * place / period)) filter (where is_once) as x,
    sum(response * sin(2 * pi() * place / period)) filter (where is_once) as y,
    max(response) filter (where is_once and round(distance, 6) = period / 2) as opposite,
    min(step) as narrowest,
    max(step) as widest
from crossed
group by layer, filter;

-- orientations(named, of_layer, statistic): preferred orientation, selectivity and width of every filter.
--
-- Values 180 degrees apart are one orientation. With R the response to orientation theta:
--     selectivity = |sum of R e^(2 i theta)| / sum of R        preferred = half the angle of that sum
--     osi         = (R_pref - R_orth) / (R_pref + R_orth)      at the best of the shown orientations and 90 degrees away
--     half_width  = half the width of the curve at 1 / sqrt(2) of its peak, in degrees
-- Null where a response is below 0: there the ratios mean nothing. An uneven spacing would pass for tuning in the sums, so
-- steps that differ by more than 1 % (what rounding of the values explains) are an error.
create macro orientations(named, of_layer, statistic) as table
with held as (
    select
        *,
        case when lowest >= 0 then sqrt(x * x + y * y) / nullif(total, 0) end as selectivity
    from peaks(named, of_layer, statistic, 180, sqrt(0.5))
    where case
        when widest <= 90.9 and widest - narrowest <= 0.01 * widest then true
        else error(
            named || ' was shown in steps of ' || round(narrowest, 2) || ' to ' || round(widest, 2) || ' degrees; expected '
            || 'two or more values in equal steps over 180 degrees: show those that are missing, or see tuning/parameter'
        )
    end
)
select
    layer,
    filter,
    -- below the precision of a response (float32) the angle is that of rounding errors; the modulo takes 180 back to 0
    case when selectivity > 1e-6 then (degrees(atan2(y, x)) / 2 + 180) % 180 end as preferred,
    selectivity,
    case when lowest >= 0 then (peak - opposite) / nullif(peak + opposite, 0) end as osi,
    case when lowest >= 0 then (below + above) / 2 end as half_width,
    peak
from held;
