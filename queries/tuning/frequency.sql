-- Preferred spatial frequency and bandwidth of every filter.
--
-- The tuning curve is the mean response to every spatial frequency that was presented, over all orientations and
-- phases. The preferred frequency has the largest response. The curve falls to half of this response at low_cut and
-- high_cut, found by linear interpolation over log2 of the frequency:
--     bandwidth = log2(high_cut / low_cut), in octaves
-- A curve that does not fall to half on one side is low-pass or high-pass; on both sides, all-pass. This describes
-- the range that was presented: outside it the curve may fall.
--
-- The preferred frequency is one of those presented. A peak between two of them is underestimated, which makes the
-- bandwidth too large: no bandwidth is smaller than a step, and a Gaussian tuning curve of 1.5 octaves is
-- overestimated by up to 0.6 octaves with steps of an octave, and by 0.1 with steps of half an octave. Steps need not
-- be equal. A frequency of 0 (a uniform field) has no place on a scale of octaves and is excluded.
--
-- The bandwidth is a ratio, which a nearly silent filter has too. relative_peak compares the response at the preferred
-- frequency with the other filters of the layer. Filters far below their median (0.1 or less) are too weak for their
-- tuning to mean anything.
--
-- Half of the response at one luminance contrast is not half of the contrast sensitivity that the source measured.
-- The two agree only where responses are proportional to contrast. The mean over orientations combines curves that
-- differ between orientations. The default statistic is the mean: a maximum over the map also finds the edge that
-- zero padding creates at the border.
--
-- Source: De Valois, Albrecht and Thorell (1982), doi 10.1016/0042-6989(82)90113-4.
--
-- Parameters
--   $layer      varchar = null                 {layers.layer}          one layer; all of them if null
--   $parameter  varchar = 'spatial_frequency'  {parameters.parameter}  the column with the frequency, in any unit
--   $statistic  varchar = 'mean'               {@statistics}           statistic of the activation map
-- Columns
--   layer          varchar  as the card names it, in the order of depth
--   filter         integer  number of the filter in its layer, from 0
--   preferred      double   frequency with the largest mean response, the lowest of equals; null if flat or silent
--   low_cut        double   frequency below it at half of the peak, null if the curve does not fall so low
--   high_cut       double   frequency above it at half of the peak, null likewise
--   bandwidth      double   octaves between the two, null if one is
--   kind           varchar  band-pass, low-pass, high-pass or all-pass; null if the curve is flat or silent
--   peak           double   mean response at the preferred frequency, in the units of the network
--   relative_peak  double   peak / median peak of the layer's filters that respond; null if none does
with tuned as (
    -- responses that are equal in the precision in which they are kept (float32) prefer nothing
    select *, peak > 0 and peak - lowest > 1e-6 * peak as is_tuned
    from tuning_peaks($parameter, $layer, $statistic, null, 0.5)
)
select
    t.layer,
    t.filter,
    case when t.is_tuned then t.best end as preferred,
    t.best * 2 ** -t.below as low_cut,
    t.best * 2 ** t.above as high_cut,
    t.below + t.above as bandwidth,
    case
        when not t.is_tuned then null
        when t.below is null and t.above is null then 'all-pass'
        when t.below is null then 'low-pass'
        when t.above is null then 'high-pass'
        else 'band-pass'
    end as kind,
    t.peak,
    t.relative_peak
from tuned t
join layers l using (layer)
order by l.position, t.filter
