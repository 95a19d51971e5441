-- Choice of filters that generalises: chosen on some stimuli, measured on others, by category.
--
-- How much of the selectivity of the best filters is left on stimuli that did not choose them, and would other stimuli
-- choose the same filters? The $count filters with the largest index are chosen on one half of every category or, with
-- $chosen_on, on another stimulus set (see filters/transfer). `chosen` is their mean index there, `held_out` their mean
-- index on the other stimuli. `all_filters` is the mean of all filters on the other stimuli: what filters have that are
-- chosen at random. `retained` is the part of the advantage over them that is left.
--
-- `shared` counts the filters that both halves, or both sets, would choose. By chance, $count^2 / filters of them are
-- shared (`shared_by_chance`). `jaccard` is shared / (2 $count - shared), with `jaccard_by_chance` for the number
-- shared by chance. `spearman` is the rank correlation of the index over all filters, not only the chosen ones. A
-- large overlap shows that the choice is stable, not that it is correct: a difference between categories that both
-- halves contain, such as their background, chooses the same filters in both.
--
-- Source: Kriegeskorte et al. (2009), doi 10.1038/nn.2303, for selection and measurement on different data; Spearman
-- (1904), doi 10.2307/1412159.
--
-- Parameters
--   $count      integer = 10          {1 or more}    filters per category
--   $chosen_on  varchar = null                       stimulus set that chooses; a half of the set if null
--   $seed       integer = 0           {0 or more}    equal seeds give equal halves
--   $index      varchar = 'contrast'  {@indices}     index that ranks the filters
--   $statistic  varchar = 'maximum'   {@statistics}  statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}      range of equation 1
-- Columns
--   category           varchar
--   filters            bigint   filters with an index on both sides
--   chosen             double   mean index of the chosen filters on the stimuli that chose them
--   held_out           double   their mean index on the other stimuli
--   all_filters        double   mean index of all filters on the other stimuli
--   retained           double   (held_out - all_filters) / (chosen - mean of all filters where they were chosen)
--   shared             bigint   filters that the other stimuli would choose, too
--   shared_by_chance   double   expected number for a choice at random
--   jaccard            double   0 to 1, shared filters divided by those that either side chooses
--   jaccard_by_chance  double   the same for the number shared by chance
--   spearman           double   -1 to 1, rank correlation of the index over all filters
--   chosen_on          varchar  what chose: a set, or a half and its seed
with summed as (
    select
        category,
        count(*) as filters,
        least($count, count(*)) as size,
        avg(chosen) filter (place <= $count) as chosen,
        avg(held_out) filter (place <= $count) as held_out,
        avg(chosen) as all_chosen,
        avg(held_out) as all_filters,
        count(*) filter (place <= $count and held_out_place <= $count) as shared,
        least($count, count(*)) ** 2 / count(*) as by_chance,
        corr(chosen_rank, held_out_rank) as spearman
    from transferred_filters($index, $statistic, $normalise)
    group by category
)
select
    category,
    filters::bigint as filters,
    chosen,
    held_out,
    all_filters,
    (held_out - all_filters) / nullif(chosen - all_chosen, 0) as retained,
    shared::bigint as shared,
    by_chance as shared_by_chance,
    shared / (2 * size - shared) as jaccard,
    by_chance / (2 * size - by_chance) as jaccard_by_chance,
    case when isfinite(spearman) then spearman end as spearman,
    coalesce($chosen_on, 'half, seed ' || $seed)::varchar as chosen_on
from summed
order by category
