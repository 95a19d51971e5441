-- Preferred orientation, selectivity and tuning width of every filter.
--
-- The measures are computed from the responses R to gratings of orientation theta, averaged over spatial frequency
-- and phase:
--     selectivity = |sum of R e^(2 i theta)| / sum of R        preferred = half the angle of that sum
--     osi         = (R_pref - R_orth) / (R_pref + R_orth)      at the best orientation presented and 90 degrees away
-- The selectivity is 1 minus the circular variance: 0 for equal responses to all orientations, 1 for a response to
-- one alone. The osi uses only two points of the curve. It is mostly larger (a cosine of osi m has selectivity m /
-- 2), and it is 0 for two equal peaks 90 degrees apart. Neither has a chance level of 0, because any unevenness of a
-- curve counts: compare with an untrained network.
--
-- half_width is half the width of the curve at 1 / sqrt(2) of its peak, with both crossings found by linear
-- interpolation between the orientations presented. A peak between two of them is underestimated, and no width can be
-- below 0.29 of their spacing. In steps of 15 degrees, a width of 18 to 40 is accurate to about 1 degree. If there
-- are several peaks, it is the width of the highest. All measures need responses that are not negative. The
-- orientations must be evenly spaced over 180 degrees: unequal spacing would imitate tuning, so it is an error.
--
-- All of these are ratios, and a nearly silent filter has perfect ones: a response of 0.001 to one orientation and of 0
-- to all others gives a selectivity of 1. relative_peak compares the response at the best orientation with the other
-- filters of the layer. Filters far below their median (0.1 or less) are too weak for their tuning to mean anything;
-- tuning/preferences leaves them out.
--
-- If the values are evenly spaced over 360 degrees, values 180 degrees apart are one orientation for the measures
-- above, and direction is measured too:
--     direction_selectivity = |sum of R e^(i theta)| / sum of R
--     dsi                   = (R_pref - R_null) / (R_pref + R_null)      at the best direction and 180 degrees away
-- The set `gratings` of this toolbox spans 180 degrees, so both are null for it. A card of your own with
-- `like = "gratings"` and orientations to 345 has them. A static grating has no direction of motion: rotated by 180
-- degrees, a grating of phase p has phase 180 - p. With phase 0 alone, the two differ in polarity (bright and dark
-- are exchanged). The mean or maximum of a map is over all positions, and thus over phases: for gratings that fill
-- the image both measures are near 0. Do not present p together with 180 - p, nor 90 or 270: the same image twice is
-- one stimulus, and would be missing at one of its two directions.
--
-- The default statistic is the mean. The zero padding of a convolution creates an edge at the border of the image.
-- This edge remains for a full-field grating of any orientation, and the maximum over the map finds it.
--
-- Source: Ringach, Shapley and Hawken (2002), doi 10.1523/JNEUROSCI.22-13-05639.2002; Mazurek et al. (2014),
-- doi 10.3389/fncir.2014.00092.
--
-- Parameters
--   $layer      varchar = null           {layers.layer}          one layer; all of them if null
--   $parameter  varchar = 'orientation'  {parameters.parameter}  the column with the orientation in degrees
--   $statistic  varchar = 'mean'         {@statistics}           statistic of the activation map
-- Columns
--   layer                  varchar  as the card names it, in the order of depth
--   filter                 integer  number of the filter in its layer, from 0
--   preferred              double   degrees, 0 to 180, null for a silent or untuned filter
--   selectivity            double   0 to 1, null for a silent filter
--   osi                    double   0 to 1, null for a silent filter, or without the orientation at 90 degrees
--   half_width             double   degrees, 0 to 90, null if the curve does not fall to 1 / sqrt(2) of its peak
--   direction_selectivity  double   0 to 1, null unless the values are evenly spaced over 360 degrees
--   dsi                    double   0 to 1, null likewise, or without the opposite direction
--   peak                   double   mean response at the best orientation presented, in the units of the network
--   relative_peak          double   peak / median peak of the layer's filters that respond; null if none does
select
    o.layer,
    o.filter,
    o.preferred,
    o.selectivity,
    o.osi,
    o.half_width,
    case when d.is_measured then sqrt(d.x * d.x + d.y * d.y) / nullif(d.total, 0) end as direction_selectivity,
    case when d.is_measured then normalised_difference(d.peak, d.opposite) end as dsi,
    o.peak,
    o.relative_peak
from orientations($parameter, $layer, $statistic) o
join (
    select *, lowest >= 0 and widest - narrowest <= 0.01 * widest as is_measured
    from tuning_peaks($parameter, $layer, $statistic, 360, null)
) d using (layer, filter)
join layers l using (layer)
order by l.position, o.filter
