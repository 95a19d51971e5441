-- Filters of every layer that are selective beyond chance.
--
-- Of all filters of a layer, how many prefer the category more than shuffled labels make plausible? Two corrections for
-- testing thousands of filters and every category: `discovered` counts q < $level, among which a fraction of $level at
-- most is expected to be false (Benjamini and Hochberg 1995; it holds for tests that are independent or rise and fall
-- together); `certain` counts family-wise p < $level, the chance that even one of all of them is false, however the tests
-- depend on each other. With few permutations no p can be small: 1 / (draws + 1) is the least, and q, which needs many such
-- p at once, may then find nothing where `certain` finds some (see selectivity/significance). Dead filters are in no test,
-- but in the denominator. Pooling layers are left out: they repeat the filters of the convolution below them. Tests are
-- one-sided, for a category that a filter prefers. Significance is not strength: with many stimuli a filter may pass that
-- hardly cares.
-- Needs `toolbox significance` for the same index; no rows without it.
--
-- Source: Benjamini and Hochberg (1995), doi 10.1111/j.2517-6161.1995.tb02031.x; Nichols and Holmes (2002),
-- doi 10.1002/hbm.1058.
--
-- Parameters
--   $index      varchar = 'contrast'  {@indices}     resampled index
--   $level      double  = 0.05                       q or p below which a filter counts
--   $statistic  varchar = 'maximum'   {@statistics}  statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}      range of equation 1
-- Columns
--   layer       varchar  as the card names it, in the order of depth
--   category    varchar
--   filters     bigint   filters of the layer
--   dead        bigint   filters without the index: the same response to every stimulus (or, for csi, a negative one)
--   discovered  bigint   filters with q < $level
--   certain     bigint   filters with a family-wise p < $level
--   proportion  double   discovered / filters
select
    s.layer,
    s.category,
    count(*)::bigint as filters,
    count(*) filter (s.value is null)::bigint as dead,
    count(*) filter (s.q < $level)::bigint as significant,
    count(*) filter (s.p_fwe < $level)::bigint as significant_fwe,
    count(*) filter (s.q < $level) / count(*) as proportion
from significance s
join layers y using (layer)
where
    s.index = $index
    and s.statistic = $statistic
    and s.normalise = $normalise
    and not y.is_pool
group by s.layer, y.position, s.category
order by y.position, s.category
