-- Reliability of every filter's preference: chosen on one half of the stimuli, measured on the other.
--
-- The preferred category is the one with the largest index. Its index is biased upwards, because it was chosen for
-- being large. `cross_validated` is free of this bias, but not of that of choosing the best of many filters: the
-- category is preferred in one half of the stimuli, its index is computed in the other half, and the result is the
-- mean over 100 ways of halving every category. `agreement` is the proportion of the halvings in which both halves
-- prefer the same category; by chance, about 1 / number of categories.
--
-- `reliability` is the correlation of the index over the categories between the halves, averaged over the halvings
-- and corrected to the full number of stimuli by 2 r / (1 + r). It is 1 if the halves agree, and about 0 if they
-- have nothing in common. A negative value means the same as 0; its size has no meaning. It needs three categories,
-- and is null for two.
--
-- The network has no noise: the sampling is that of the stimuli. By default the index is the response contrast
-- (`contrast`: difference between the mean normalised responses to the category and to all others). No rows until
-- `toolbox significance` was run for the index.
--
-- Source: Spearman (1910), doi 10.1111/j.2044-8295.1910.tb00206.x; Brown (1910),
-- doi 10.1111/j.2044-8295.1910.tb00207.x.
--
-- Parameters
--   $index      varchar = 'contrast'  {@indices}     resampled index
--   $statistic  varchar = 'maximum'   {@statistics}  statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}      range of equation 1
-- Columns
--   layer            varchar  as the card names it, in the order of depth
--   filter           integer  number of the filter in its layer, from 0
--   preferred        varchar  category with the largest index over all stimuli; null if dead, or if all have the same
--   value            double   index of the preferred category over all stimuli
--   cross_validated  double   index, in one half, of the category preferred in the other half
--   agreement        double   0 to 1
--   reliability      double   up to 1
select r.layer, r.filter, r.preferred, r.value, r.cross_validated, r.agreement, r.reliability
from reliability r
join layers y using (layer)
where
    r.index = $index
    and r.statistic = $statistic
    and r.normalise = $normalise
order by y.position, r.filter
