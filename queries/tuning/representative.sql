-- Tuning curves of the most selective filters of every category.
--
-- How sharply are the filters tuned that were chosen for a category? Each curve is the mean response of one filter to
-- every category, with its standard error, as in tuning/category. The filters are those of filters/representative: the
-- ones with the largest index for `preferred`, wherever in the network they are located. By default the index is the
-- response contrast (`contrast`: difference between the mean normalised responses to the category and to all others).
-- Pooling layers are excluded: they repeat the filters of the convolution below them.
--
-- A filter may respond more to another category than to the one for which it was chosen: it is the best there is for
-- that category. Filters chosen as the best of thousands look more sharply tuned than they are, on the stimuli that
-- chose them. The unit of the responses differs between filters; compare the shapes of curves, or `normalised`.
--
-- Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265; tuning of single filters for classes as in Rafegas et al.
-- (2020), doi 10.1016/j.patrec.2019.10.013.
--
-- Parameters
--   $category   varchar = null        {labels.category}  filters of one category; of all if null
--   $count      integer = 1           {1 or more}        filters per category
--   $index      varchar = 'contrast'  {@indices}         index that ranks the filters
--   $statistic  varchar = 'maximum'   {@statistics}      statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}          range of equation 1
-- Columns
--   preferred   varchar  the category for which the filter was chosen
--   rank        bigint   1 is its most selective filter
--   layer       varchar
--   filter      integer  number of the filter in its layer, from 0
--   value       double   the index that ranks the filters
--   category    varchar  of the stimuli
--   n           bigint   stimuli
--   mean        double   mean response in the units of the network
--   sem         double   standard error of the mean, null for one stimulus
--   normalised  double   mean of (A - min) / (max - min), null for a dead filter
with ranked as (
    select
        category as preferred,
        layer,
        filter,
        value,
        row_number() over (partition by category order by value desc, position, filter)::bigint as rank
    from index_values($index, $statistic, $normalise)
    where not is_pool and value is not null
),
chosen as (
    select * from ranked where rank <= $count and ($category is null or preferred = $category)
),
cell as (
    select
        c.preferred,
        c.rank,
        c.layer,
        c.filter,
        c.value,
        r.category,
        r.n,
        r.sum / r.n as mean,
        sqrt(r.squared_deviations / nullif(r.n - 1, 0) / r.n) as sem,
        min(r.minimum) over curve as lowest,
        max(r.maximum) over curve as highest
    from chosen c
    join rollups r using (layer, filter)
    where r.statistic = $statistic
    window curve as (partition by c.preferred, c.rank)
)
select
    preferred,
    rank,
    layer,
    filter,
    value,
    category,
    n,
    mean,
    sem,
    (mean - lowest) / nullif(highest - lowest, 0) as normalised
from cell
order by preferred, rank, category
