-- Tuning to a numeric stimulus parameter.

-- tuning_curve(named, of_layer, statistic): mean response of every filter at every value of a stimulus parameter.
--
-- Columns: layer, filter, value, response. The parameter is numeric; the response is the mean over the values of all
-- other parameters. If of_layer is null, all layers are included.
create macro tuning_curve(named, of_layer, statistic) as table
select
    r.layer,
    r.filter,
    p.value::double as value,
    avg(r.response) as response
from response_values(statistic) r
join parameters p using (stimulus_id)
where p.parameter = named and (of_layer is null or r.layer = of_layer)
group by r.layer, r.filter, p.value;

-- tuning_peaks(named, of_layer, statistic, period, level): the tuning curve of every filter, measured from its peak.
--
-- period is 180 for orientations and 360 for directions, in degrees: values are reduced modulo the period, and the
-- curve is circular. It is null for a curve over frequencies, which is measured in octaves; values of 0 and below
-- have no place on a scale of octaves and are excluded. One row per layer and filter:
--     best               value with the largest response R, the smallest of them if there are several
--     peak, lowest       largest and smallest R
--     below, above       distance from the best value, downwards and upwards, at which the curve has fallen to
--                        level * peak, in degrees or octaves, by linear interpolation; null if it does not fall so
--                        low, if the peak is not above 0, or if level is null
--     relative_peak      peak / median peak of the filters of the layer that respond (peak > 0); null if none does
--     total, x, y        sum of R, and of R e^(2 pi i value / period)
--     opposite           R half a period from the best value, null if that value was not presented
--     narrowest, widest  steps between neighbouring values
--
--         R
--         |
--         |- - - - - - - * - - - - - - - - - - - -  peak
--         |            / : \
--         |- - - - - +---:---\+ - - - - - - - - - -  level * peak
--         |         *    :    *
--         |        /     :     \
--         |       *      :      *-------*  - - - -  lowest
--         +------------- : ------------------------  value
--                    |<->|<-->|
--                   below best above
create macro tuning_peaks(named, of_layer, statistic, period, level) as table
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
    any_value(peak) / median(any_value(peak)) filter (where any_value(peak) > 0) over (partition by layer)
        as relative_peak,
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
--     osi         = (R_pref - R_orth) / (R_pref + R_orth)      at the best orientation presented and 90 degrees away
--     half_width  = half the width of the curve at 1 / sqrt(2) of its peak, in degrees
--     relative_peak = peak / median peak of the layer
-- All but the last are null if a response is below 0, where the ratios have no meaning. An uneven spacing would imitate
-- tuning in the sums, so steps that differ by more than 1 % (which rounding of the values explains) are an error.
create macro orientations(named, of_layer, statistic) as table
with checked as (
    select
        *,
        case when lowest >= 0 then sqrt(x * x + y * y) / nullif(total, 0) end as selectivity
    from tuning_peaks(named, of_layer, statistic, 180, sqrt(0.5))
    where case
        when widest <= 90.9 and widest - narrowest <= 0.01 * widest then true
        else error(
            named || ' was presented in steps of ' || round(narrowest, 2) || ' to ' || round(widest, 2)
            || ' degrees; expected two or more values in equal steps over 180 degrees: present the missing ones, '
            || 'or use tuning/parameter'
        )
    end
)
select
    layer,
    filter,
    -- below the precision of a response (float32) the angle is that of rounding errors; the modulo takes 180 back to 0
    case when selectivity > 1e-6 then (degrees(atan2(y, x)) / 2 + 180) % 180 end as preferred,
    selectivity,
    case when lowest >= 0 then normalised_difference(peak, opposite) end as osi,
    case when lowest >= 0 then (below + above) / 2 end as half_width,
    peak,
    relative_peak
from checked;
