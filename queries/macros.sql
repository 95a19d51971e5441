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

-- known_filter(of_layer, number): the number of a filter that the layer has, as one row: filter. Any other is an error.
create macro known_filter(of_layer, number) as table
select case
    when number between 0 and filters - 1 then number
    else error('no filter ' || number || ' in ' || layer || '; expected 0 to ' || (filters - 1))
end as filter
from layers
where layer = of_layer;

-- one_filter(of_layer, number, statistic): the responses of a single filter: stimulus_id, response.
create macro one_filter(of_layer, number, statistic) as table
select stimulus_id, response
from chosen(statistic)
where layer = of_layer and filter = (from known_filter(of_layer, number));

-- cells(statistic): what every index but the rank-based ones is made of, one row per layer, filter and category.
--
-- n stimuli of the category; total, mean and variance (n - 1) of the filter's responses to them; the same of all stimuli of
-- other categories (rest_n, rest_total, rest_mean, rest_variance) and of all (all_n, all_total, all_deviations, the squared
-- deviations from their mean); lowest and highest response of all; the mean of the other categories' means (others_mean).
-- All are the labelled stimuli: a scheme that labels a subset is an analysis of that subset.
-- From the view `rollups`, which merges over stimuli, so that the images are never needed again.
-- layer_peak is the largest `maximum` of the whole layer: the upper end of the layer-wide range. layer_trough is its
-- smallest `mean`, which shows most layers whose maps can be negative; after a ReLU none is.
-- Deviations are counted from a mean in the middle of the categories' means: from 0, or from the mean of all, a small
-- variance of the rest would drown in rounding errors.
create macro cells(statistic) as table
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
        unit as (partition by layer, filter),
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
window unit as (partition by layer, filter);

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
    from cells(statistic)
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

-- ranked(statistic, k, of_layer): the rank-based indices of every filter for every category, from the responses themselves.
--
--     auc       = U / (n_c n_rest), U the number of pairs in which the stimulus of c evokes more, ties counting one half
--                 (Mann and Whitney 1947)
--     precision = fraction of the k most activating stimuli that belong to c; k = n_c if null, and all stimuli where there
--                 are fewer. Stimuli that tie for the last places share them, so that no order decides
-- A dead filter has neither; auc is null where there is no other category. of_layer null means all layers.
create macro ranked(statistic, k, of_layer) as table
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
    from chosen(statistic) r
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

-- tuned(statistic): the indices of every filter as such, whatever the category: see selectivity/filters.
create macro tuned(statistic) as table
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
    from cells(statistic)
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

-- indexed(index, statistic, normalise): one chosen index of every filter for every category, with the layer's place.
--
-- depth runs from 0, the first layer of the network's card, to 1, its last. The rank-based indices are worked out only
-- when one of them is chosen. The indices of a filter as such are the same for every category.
create macro indexed(index, statistic, normalise) as table
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
    left join (select * from ranked(statistic, null, null) where index in ('auc', 'precision')) r
        using (layer, filter, category)
    left join (
        select * from tuned(statistic)
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

-- drawn(index, statistic, normalise, threshold): how many filters of each layer passed the threshold in every draw.
--
-- kind is 'bootstrap' (the stimuli of every category drawn anew), 'shuffle' (labels permuted) or 'equal' (every category
-- cut down to the size of the smallest; only where sizes differ). strength is the mean value of the layer's ten most
-- selective filters. No rows until `toolbox significance` was run for this index and threshold.
create macro drawn(index, statistic, normalise, threshold) as table
select d.kind, d.draw, d.layer, d.category, d.selective, d.strength
from draws d
where
    d.index = index
    and d.statistic = statistic
    and d.normalise = normalise
    and d.threshold = threshold;

-- placed(grain): every layer with the place under which it is counted: its own name, or that of its block.
--
-- A layer's block is what its name says before the first underscore: block3_conv2 is in block3, and fc1 stands for itself.
-- In blocks, pooling layers are left out: they repeat the filters of the convolution below them.
create macro placed(grain) as table
select
    layer,
    position,
    case grain when 'block' then split_part(layer, '_', 1) else layer end as place
from layers
where grain <> 'block' or kind <> 'pool';

-- shares(index, statistic, normalise, threshold): highly responsive filters of every class and layer, with every draw.
--
-- kind is 'observed' (draw is null) or one of those of `drawn`. Pooling layers are left out: they repeat the filters of the
-- convolution below them.
create macro shares(index, statistic, normalise, threshold) as table
with observed as (
    select
        category,
        layer,
        depth,
        count(*) as filters,
        count(*) filter (value > threshold) as responsive
    from indexed(index, statistic, normalise)
    where kind <> 'pool'
    group by category, layer, depth
)
select
    'observed' as kind,
    null::integer as draw,
    category,
    layer,
    depth,
    filters,
    responsive,
    responsive / filters as share
from observed
union all
select d.kind, d.draw, o.category, o.layer, o.depth, o.filters, d.selective, d.selective / o.filters
from drawn(index, statistic, normalise, threshold) d
join observed o using (category, layer);

-- depths(index, statistic, normalise, threshold): number and level of the highly responsive filters of every class.
--
-- For every kind and draw of `shares`: responsive filters in all, mean share over layers, their depth and the evenness of
-- their spread over the layers:
--     depth   = sum of depth * share / sum of share
--     entropy = -sum of p ln p / ln L, p = share / sum of share, over the L layers
create macro depths(index, statistic, normalise, threshold) as table
with spread as (
    select *, share / nullif(sum(share) over (partition by kind, draw, category), 0) as p
    from shares(index, statistic, normalise, threshold)
)
select
    kind,
    draw,
    category,
    sum(responsive)::bigint as responsive,
    avg(share) as share,
    sum(depth * p) as depth,
    (-sum(case when p = 0 then 0 else p * ln(p) end) / nullif(ln(count(*)), 0)) + 0.0 as entropy
from spread
group by kind, draw, category;

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
