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
--   $count      integer = 10                            most selective filters to compare
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
-- An index is ranked once, with every other that is known for the same filters: `known` tells which those are. Two indices
-- that are known for different filters are ranked over those that they have in common, beside each other.
described as (
    select
        layer,
        category,
        measure,
        count(*) as filters,
        sum(hash(filter)) as known
    from long
    group by layer, category, measure
),
pair as (
    select
        a.layer,
        a.category,
        w.first,
        w.second,
        case when a.filters = b.filters and a.known = b.known then '' else w.second end as beside_first,
        case when a.filters = b.filters and a.known = b.known then '' else w.first end as beside_second
    from wanted w
    join described a on a.measure = w.first
    join described b on b.measure = w.second and b.layer = a.layer and b.category = a.category
),
compared as (
    select layer, category, first as measure, beside_first as beside from pair
    union
    select layer, category, second, beside_second from pair
),
entry as (
    select l.layer, l.category, l.filter, l.measure, c.beside, l.value
    from compared c
    join long l using (layer, category, measure)
    left join long o
        on o.layer = l.layer and o.category = l.category and o.filter = l.filter and o.measure = c.beside
    where c.beside = '' or o.value is not null
),
ordered as (
    select
        *,
        rank() over (one order by value desc) as first_rank,
        count(*) over (one order by value desc range current row) as ties
    from entry
    window one as (partition by layer, category, measure, beside)
),
placed as (
    select
        *,
        first_rank + (ties - 1) / 2 as place,
        -- the part of a place among the first $count that a filter has
        case
            when $count < 1 then error('count is ' || $count || '; expected 1 or more')
            else greatest(least(($count - first_rank + 1) / ties, 1), 0)
        end as chosen
    from ordered
),
agreed as (
    select
        p.layer,
        p.category,
        p.first,
        p.second,
        count(*) as filters,
        corr(a.place, b.place) as spearman,
        sum(a.chosen * b.chosen) / nullif(least($count, count(*)), 0) as overlap,
        least($count / count(*), 1) as chance
    from pair p
    join placed a
        on
            a.layer = p.layer
            and a.category = p.category
            and a.measure = p.first
            and a.beside = p.beside_first
    join placed b
        on
            b.layer = p.layer
            and b.category = p.category
            and b.measure = p.second
            and b.beside = p.beside_second
            and b.filter = a.filter
    group by p.layer, p.category, p.first, p.second
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
