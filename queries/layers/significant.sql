-- Significant filters of every layer: those that prefer a category beyond chance.
--
-- How many filters of a layer prefer the category more than permuted labels make plausible? Two columns correct for
-- tests of thousands of filters and of every category. `significant` counts the filters with q < $level. The
-- expected proportion of false discoveries among them is at most $level (Benjamini and Hochberg 1995), for tests
-- that are independent or positively dependent. The tests of one filter for several categories are negatively
-- dependent, so this bound is approximate. `significant_fwe` counts the filters with a family-wise error (FWE)
-- corrected p < $level, which keeps the probability of even one false filter at $level, however the tests depend on
-- each other. This p is the probability that the largest index of all filters and categories reaches this one if
-- labels had no effect.
--
-- With few permutations no p can be small: the smallest is 1 / (permutations + 1). q can be small only if many tests
-- have the smallest p, and may then find no filters where `significant_fwe` finds some (see
-- selectivity/significance). Dead filters are not tested, but stay in the denominator. Pooling layers are excluded:
-- they repeat the filters of the convolution below them. The tests are one-sided, for a category that a filter
-- prefers. Significance is not effect size: with many stimuli a filter with a very weak preference may be
-- significant. By default the index is the response contrast (`contrast`: difference between the mean normalised
-- responses to the category and to all others). Needs `toolbox significance` for the same index; no rows without it.
--
-- Source: Benjamini and Hochberg (1995), doi 10.1111/j.2517-6161.1995.tb02031.x; Nichols and Holmes (2002),
-- doi 10.1002/hbm.1058.
--
-- Parameters
--   $index      varchar = 'contrast'  {@indices}     resampled index
--   $level      double  = 0.05        {0 to 1}       q or p below which a filter counts
--   $statistic  varchar = 'maximum'   {@statistics}  statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}      range of equation 1
-- Columns
--   layer            varchar  as the card names it, in the order of depth
--   category         varchar
--   filters          bigint   filters of the layer
--   dead             bigint   filters without the index: equal responses to all stimuli (or, for csi, a negative one)
--   significant      bigint   filters with q < $level
--   significant_fwe  bigint   filters with FWE-corrected p < $level
--   proportion       double   significant / filters
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
