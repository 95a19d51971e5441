-- Agreement of the indices: do they rank the filters alike, and pick the same ones?
--
-- Selectivity indices disagree, so a result that hangs on one of them is a result about that index. For two indices and
-- every layer: Spearman's rank correlation over the filters, and the part that the $count most selective filters of each
-- have in common, both as the mean over the categories (or of one category). Correlation: -1 to 1, 1 the same order, 0 no
-- relation. Overlap: 0 to 1; `chance` is what two unrelated indices would share, $count / filters. Filters for which either
-- index is null, dead ones among them, are left out. AUC and precision need the responses themselves: leave them out by
-- naming two other indices where a set is very large.
--
-- Source: Spearman (1904), doi 10.2307/1412159; Gale et al. (2020), doi 10.1016/j.visres.2020.06.007.
--
-- Parameters
--   $first      varchar = null       {contrast, share, balanced_share, csi, fsi, d_prime, welch_t, auc, precision}  one index; all if null
--   $second     varchar = null       {contrast, share, balanced_share, csi, fsi, d_prime, welch_t, auc, precision}  the other; all if null
--   $category   varchar = null       {labels.category}  one category; the mean over all if null
--   $count      integer = 10                            most selective filters to compare
--   $statistic  varchar = 'maximum'  {maximum, mean}    statistic of the activation map
--   $normalise  varchar = 'filter'   {filter, layer}    range of equation 1
-- Columns
--   layer     varchar  as the card names it, in the order of depth
--   first     varchar  an index
--   second    varchar  another
--   filters   bigint   filters for which both are known, in all categories together
--   spearman  double   -1 to 1; null if one index is the same for all filters
--   overlap   double   0 to 1
--   chance    double   overlap of unrelated indices
with every as (
    select s.*, r.auc, r.precision
    from selectivity($statistic, $normalise) s
    left join (
        select * from ranked($statistic, null)
        where
            $first is null or $second is null
            or $first in ('auc', 'precision') or $second in ('auc', 'precision')
    ) r using (layer, filter, category)
),
long as (
    unpivot (
        select layer, filter, category, contrast, share, balanced_share, csi, fsi, d_prime, welch_t, auc, precision
        from every
        where $category is null or category = $category
    )
    on contrast, share, balanced_share, csi, fsi, d_prime, welch_t, auc, precision into name measure value value
),
pair as (
    select a.layer, a.category, a.filter, a.measure as first, b.measure as second, a.value as x, b.value as y
    from long a
    join long b on a.layer = b.layer and a.category = b.category and a.filter = b.filter
    where
        case
            when $first is not null and $second is not null then a.measure = $first and b.measure = $second
            when $first is not null then a.measure = $first and b.measure <> $first
            when $second is not null then b.measure = $second and a.measure <> $second
            else a.measure < b.measure
        end
),
ordered as (
    select
        *,
        rank() over (one order by x) + (count(*) over (one order by x range current row) - 1) / 2 as x_rank,
        rank() over (one order by y) + (count(*) over (one order by y range current row) - 1) / 2 as y_rank,
        row_number() over (one order by x desc, filter) <= $count as is_x_top,
        row_number() over (one order by y desc, filter) <= $count as is_y_top
    from pair
    window one as (partition by first, second, layer, category)
),
agreed as (
    select
        first,
        second,
        layer,
        category,
        count(*) as filters,
        corr(x_rank, y_rank) as spearman,
        count(*) filter (is_x_top and is_y_top) / nullif(count(*) filter (is_x_top), 0) as overlap,
        least($count / count(*), 1) as chance
    from ordered
    group by first, second, layer, category
)
select
    a.layer,
    a.first,
    a.second,
    sum(a.filters)::bigint as filters,
    avg(case when isfinite(a.spearman) then a.spearman end) as spearman,
    avg(a.overlap) as overlap,
    avg(a.chance) as chance
from agreed a
join layers y using (layer)
group by a.layer, y.position, a.first, a.second
order by y.position, a.first, a.second
