-- Distribution of preferred orientations in every layer.
--
-- How many of the orientation-selective filters of a layer prefer each orientation? If all orientations were
-- preferred equally, every bin would contain bin / 180 of the filters; a layer with few selective filters differs
-- much from that by chance. In the cat's visual cortex, too, more cells prefer 0 and 90 degrees than the orientations
-- between them.
--
-- Bins are centred on multiples of their width, so the first includes 0 degrees: with 15 degrees the bins are 172.5
-- to 7.5, 7.5 to 22.5 and so on. The preferred orientation and the selectivity are those of tuning/orientation, and
-- need the same evenly spaced gratings. The threshold is a choice, not a test: vary it.
--
-- A nearly silent filter can have a perfect selectivity, so filters with a relative_peak (of tuning/orientation) below
-- $least do not count, however selective they are. The column `weak` counts those that this leaves out.
--
-- The grid of pixels and the border of the image distinguish axes from diagonals in any network, so compare with an
-- untrained one: for the gratings that come with this toolbox, filters of vgg16 prefer the axes, those of
-- vgg16-untrained the diagonals.
--
-- Source: Li, Peterson and Freeman (2003), doi 10.1152/jn.00954.2002; Ringach, Shapley and Hawken (2002),
-- doi 10.1523/JNEUROSCI.22-13-05639.2002.
--
-- Parameters
--   $layer      varchar = null           {layers.layer}          one layer; all of them if null
--   $threshold  double  = 0.2            {0 to 1}                selectivity above which a filter counts
--   $least      double  = 0.1            {0 or more}             relative_peak below which a filter does not count
--   $bin        double  = 15                                     width of a bin in degrees, an integer part of 180
--   $parameter  varchar = 'orientation'  {parameters.parameter}  the column with the orientation in degrees
--   $statistic  varchar = 'mean'         {@statistics}           statistic of the activation map
-- Columns
--   layer       varchar  as the card names it, in the order of depth
--   bin         double   centre of the bin, degrees from 0
--   filters     bigint   selective filters whose preferred orientation is in the bin
--   proportion  double   filters / selective filters of the layer, null if it has none
--   weak        bigint   filters of the layer above the threshold that are not counted, as they respond too weakly
with tuned as (
    select *, selectivity > $threshold and preferred is not null as is_tuned, relative_peak < $least as is_weak
    from orientations($parameter, $layer, $statistic)
),
bins as (
    select unnest(range(case
        when $bin > 0 and abs(180 / $bin - round(180 / $bin)) < 1e-9 then round(180 / $bin)::bigint
        else error('the bin is ' || $bin || ' degrees wide; expected a whole part of 180, such as 15 or 22.5')
    end)) as number
),
counted as (
    -- rounded, so that a preference on the border of two bins falls into the same on every machine
    select
        layer,
        floor(round(preferred / $bin, 9) + 0.5)::bigint % (select count(*) from bins) as number,
        count(*) as filters
    from tuned
    where is_tuned and not is_weak
    group by all
)
select
    l.layer,
    b.number * $bin as bin,
    coalesce(c.filters, 0)::bigint as filters,
    coalesce(c.filters, 0) / nullif(sum(c.filters) over (partition by l.layer), 0)::double as proportion,
    (select count(*) from tuned t where t.layer = l.layer and t.is_tuned and t.is_weak)::bigint as weak
from layers l
cross join bins b
left join counted c on c.layer = l.layer and c.number = b.number
where l.layer in (select layer from tuned)
order by l.position, b.number
