-- Preferred orientation and orientation selectivity of every filter.
--
-- From the responses R to gratings of orientation theta, averaged over spatial frequency and phase:
--     selectivity = |sum of R e^(2 i theta)| / sum of R        preferred = half the angle of that sum
-- Selectivity is 1 minus the circular variance: 0 for equal responses to all orientations, 1 for a response to one alone.
-- The orientations must be evenly spaced over 180 degrees, or unequal spacing passes for tuning.
--
-- The default statistic here is the mean: the zero padding of a convolution makes an edge of its own at the border of the
-- image, which a full-field grating of any orientation leaves standing, and the maximum over the map finds it.
--
-- Source: Ringach, Shapley and Hawken (2002), doi 10.1523/JNEUROSCI.22-13-05639.2002; Mazurek et al. (2014),
-- doi 10.3389/fncir.2014.00092.
--
-- Parameters
--   $layer      varchar = null           {layers.layer}          one layer; all of them if null
--   $parameter  varchar = 'orientation'  {parameters.parameter}  the column with the orientation in degrees
--   $statistic  varchar = 'mean'         {maximum, mean}         statistic of the activation map
-- Columns
--   layer        varchar  as the card names it, in the order of depth
--   filter       integer  number of the filter in its layer, from 0
--   preferred    double   degrees, 0 to 180, null for a silent or untuned filter
--   selectivity  double   0 to 1, null for a silent filter
--   peak         double   mean response at the best of the shown orientations, in the units of the network
with curve as (
    select
        r.layer,
        r.filter,
        radians(p.value::double) as theta,
        avg(r.response) as response
    from chosen($statistic) r
    join parameters p using (stimulus_id)
    where p.parameter = $parameter and ($layer is null or r.layer = $layer)
    group by r.layer, r.filter, p.value
),
vector as (
    select
        layer,
        filter,
        sum(response * cos(2 * theta)) as x,
        sum(response * sin(2 * theta)) as y,
        sum(response) as total,
        max(response) as peak
    from curve
    group by layer, filter
),
measured as (
    select *, case when total > 0 then sqrt(x * x + y * y) / total end as selectivity from vector
)
select
    m.layer,
    m.filter,
    -- below the precision of a response (float32) the angle is that of rounding errors; the modulo takes 180 back to 0
    case when m.selectivity > 1e-6 then (degrees(atan2(m.y, m.x)) / 2 + 180) % 180 end as preferred,
    m.selectivity,
    m.peak
from measured m
join layers l using (layer)
order by l.position, m.filter
