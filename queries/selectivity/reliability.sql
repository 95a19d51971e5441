-- Reliability of every filter's preference: chosen on one half of the stimuli, measured on the other.
--
-- The category with the largest index is preferred, and its index is biased upwards: it was chosen for being large.
-- `cross_validated` is the honest value, the mean index in one half of the stimuli of the category that was preferred in
-- the other half, over 100 ways of halving every category. `agreement` is the share of them in which both halves prefer
-- the same category; by chance, about 1 / categories. `reliability` is the correlation of the index over the categories
-- between the halves, as the mean over the halvings, stepped up to all stimuli by 2 r / (1 + r): 1 the halves agree, 0 they
-- have nothing in common, lower by accident only. It takes three categories, and is null for two. A network answers
-- without noise: what is sampled is the stimuli. No rows until `toolbox significance` was run for the index.
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
--   value            double   that index
--   cross_validated  double   the index, in one half, of the category preferred in the other
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
