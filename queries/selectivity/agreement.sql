-- Agreement of the indices: whether they rank the filters alike, and select the same ones.
--
-- Selectivity indices disagree, so a result that depends on one of them is a result about that index. For every layer
-- and every two indices there are two measures: `spearman`, the rank correlation over the filters (-1 to 1: 1 the
-- same order, 0 no relation), and `overlap`, the proportion of the $count most selective filters that both indices
-- have in common (0 to 1). Both are means over the categories, or of one category. `chance` is the overlap of two
-- unrelated indices, $count / filters.
--
-- Filters that tie for the last of the $count places divide them equally, so that no order decides. The overlap of
-- two indices with many ties, such as precision, therefore stays below 1 even if they are the same. Filters for which
-- either index is null, including dead ones, are excluded. Indices based on ranks are computed from the responses
-- themselves: for a very large set, name two other indices. Two kinds of index are compared only if they are named:
-- the indices of a filter as such, which are the same for every category, and `response`, which has no value that
-- means "no preference".
--
-- Source: Spearman (1904), doi 10.2307/1412159; Gale et al. (2020), doi 10.1016/j.visres.2020.06.007.
--
-- Parameters
--   $first      varchar = null       {@all indices}     one index; all if null
--   $second     varchar = null       {@all indices}     the other; all if null
--   $category   varchar = null       {labels.category}  one category; the mean over all if null
--   $count      integer = 10         {1 or more}        most selective filters to compare
--   $statistic  varchar = 'maximum'  {@statistics}      statistic of the activation map
--   $normalise  varchar = 'filter'   {@ranges}          range of equation 1
-- Columns
--   layer     varchar  as the card names it, in the order of depth
--   first     varchar  an index
--   second    varchar  another
--   filters   bigint   filters for which both are known, in all categories together
--   spearman  double   -1 to 1; null if one index is the same for all filters
--   overlap   double   0 to 1
--   chance    double   overlap of unrelated indices
with every as (
    select s.*, t.* exclude (layer, filter, preferred, dead), r.* exclude (layer, filter, category, n)
    from selectivity($statistic, $normalise) s
    join filter_indices($statistic) t using (layer, filter)
    left join (
        select * from rank_indices($statistic, null, null)
        where $first is null or $second is null or is_rank_index($first) or is_rank_index($second)
    ) r using (layer, filter, category)
),
unpivoted as (
    unpivot (
        select * exclude (n, dead, welch_df)
        from every
        where $category is null or category = $category
    )
    on columns(* exclude (layer, filter, category)) into name measure value value
),
long as (
    select u.*
    from unpivoted u
    join indices() i on i.name = u.measure
    where i.is_compared or u.measure in (coalesce($first, ''), coalesce($second, ''))
),
wanted as (
    select a.measure as first, b.measure as second
    from (select distinct measure from long) a
    cross join (select distinct measure from long) b
    where
        case
            when $first is not null and $second is not null then a.measure = $first and b.measure = $second
            when $first is not null then a.measure = $first and b.measure <> $first
            when $second is not null then b.measure = $second and a.measure <> $second
            else a.measure < b.measure
        end
),
pair as (
    select a.layer, a.category, w.first, w.second, a.filter, a.value as first_value, b.value as second_value
    from wanted w
    join long a on a.measure = w.first
    join long b on b.measure = w.second and b.layer = a.layer and b.category = a.category and b.filter = a.filter
),
ranked as (
    select
        *,
        rank() over (compared order by first_value desc) as first_rank,
        count(*) over (compared order by first_value desc range current row) as first_ties,
        rank() over (compared order by second_value desc) as second_rank,
        count(*) over (compared order by second_value desc range current row) as second_ties
    from pair
    window compared as (partition by layer, category, first, second)
),
placed as (
    select
        *,
        first_rank + (first_ties - 1) / 2 as first_place,
        second_rank + (second_ties - 1) / 2 as second_place,
        -- the part of a place among the first $count that a filter has
        part_of_place($count - first_rank + 1, first_ties) as first_part,
        part_of_place($count - second_rank + 1, second_ties) as second_part
    from ranked
),
agreed as (
    select
        layer,
        category,
        first,
        second,
        count(*) as filters,
        corr(first_place, second_place) as spearman,
        sum(first_part * second_part) / least($count, count(*)) as overlap,
        least($count / count(*), 1) as chance
    from placed
    group by layer, category, first, second
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
