-- Image properties of every category: how far they differ, and how well each alone tells the category from the others.
--
-- A category that differs from the others in luminance, contrast or spatial frequency drives filters for that reason,
-- too. Before a filter is called selective for faces, look here whether a single number of the pictures separates the
-- faces as well. `difference` is the standardised mean difference (mean - mean of all others) / sqrt((variance +
-- variance of the others) / 2): sets that are matched usually have at most 0.1, and 0.2 is called small. It compares
-- means alone. `auc` compares the whole distributions by rank: the probability that a picture of the category has a
-- larger value than one of any other category, ties counting half; 0.5 is no difference, and 0 separates as well as 1.
-- Both are of the stimuli of this set: with few stimuli, they are far from 0 and from 0.5 by chance.
--
-- The properties are those of `toolbox properties`; before it was run, only what ingestion measured is here. A network
-- sees a picture stretched to its input (`presented`); in the file, it has its own pixels (`file`, names that end in
-- _file). Properties of the file alone, such as the aspect ratio, are in both. Stimuli for which a property is not
-- defined, such as the spectral slope of a uniform picture, and those that were not measured are left out and counted
-- in `missing`. What a property is, and where it breaks down, is in datasets/README.md and in the metadata of
-- measured.parquet.
--
-- Source: difference as Austin (2009), doi 10.1002/sim.3697; auc as Mann and Whitney (1947),
-- doi 10.1214/aoms/1177730491.
--
-- Parameters
--   $pixels  varchar = 'presented'  {presented, file, both}  the pictures that were measured
-- Columns
--   property     varchar
--   category     varchar
--   stimuli      bigint   labelled stimuli of the category that have a value
--   missing      bigint   labelled stimuli of the category that have none
--   mean         double   in the unit of the property
--   sd           double   standard deviation (n - 1); null for a single stimulus
--   median       double
--   others_mean  double   mean of all other labelled stimuli; null if there are none
--   others_sd    double   standard deviation (n - 1) of them; null if there are fewer than two
--   difference   double   standardised mean difference from all others; null where an sd is, or if neither group varies
--   auc          double   0 to 1; 0.5 is no difference; null if there are no others
with named as (
    select
        *,
        suffix(property, '_file') as is_of_file,
        property in ('aspect_ratio', 'darkest', 'brightest') as is_of_file_only
    from property_values
),
ranked as (
    select
        v.property,
        l.category,
        v.value,
        rank() over (partition by v.property order by v.value)
        + (count(*) over (partition by v.property, v.value) - 1) / 2 as middle_rank
    from named v
    join labels l using (stimulus_id)
    where $pixels = 'both' or v.is_of_file_only or v.is_of_file = ($pixels = 'file')
),
class as (
    select
        property,
        category,
        count(*) as n,
        avg(value) as mean,
        stddev_samp(value) as sd,
        median(value) as median,
        avg(middle_rank) as mean_rank
    from ranked
    group by property, category
),
others as (
    select c.property, c.category, count(*) as n, avg(r.value) as mean, stddev_samp(r.value) as sd
    from class c
    join ranked r on c.property = r.property and c.category <> r.category
    group by c.property, c.category
),
member as (
    select category, count(*) as n
    from labels
    group by category
)
select
    c.property,
    c.category,
    c.n::bigint as stimuli,
    (m.n - c.n)::bigint as missing,
    c.mean,
    c.sd,
    c.median,
    o.mean as others_mean,
    o.sd as others_sd,
    (c.mean - o.mean) / nullif(sqrt((c.sd ** 2 + o.sd ** 2) / 2), 0) as difference,
    (c.mean_rank - (c.n + 1) / 2) / o.n as auc
from class c
join member m using (category)
left join others o on c.property = o.property and c.category = o.category
order by c.property, c.category
