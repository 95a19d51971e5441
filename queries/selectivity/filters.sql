-- Selectivity of every filter as such: its preferred category, and how sharply it is tuned.
--
-- One row per filter, where selectivity/index has one per category:
--
--     index                range   unselective  what it says
--     csi                  0 to 1  0            class selectivity index: the preferred category's mean response against
--                                               the mean of the other categories' means
--     depth_of_selectivity 0 to 1  0            (K - sum of mu_k / mu_max) / (K - 1): 1 if one category alone drives it
--     lifetime_sparseness  0 to 1  0            (1 - (mean A)^2 / mean A^2) / (1 - 1 / N) over all labelled stimuli, whatever their
--                                               category: 1 if one stimulus alone drives it
--     signal_to_noise      0 up    about K / N  variance of the K category means / mean variance inside the categories
--
-- Chance is above 0 for all of them, as the largest of K means exceeds the others by accident; the fewer stimuli, the more.
-- A filter may be sparse without caring for categories, and the reverse. All are had from roll-ups, of means and
-- variances; the first three need responses that are never negative and are null otherwise. Dead filters have null
-- indices.
--
-- Source: csi: Morcos et al. (2018), arXiv:1803.06959. depth_of_selectivity: Moody et al. (1998), doi 10.1523/JNEUROSCI.18-01-00399.1998
-- and Rainer and Miller (2000), doi 10.1016/S0896-6273(00)00033-2. lifetime_sparseness: Vinje and Gallant (2000),
-- doi 10.1126/science.287.5456.1273. signal_to_noise: after Sahani and Linden (2003), the variance that the stimulus
-- explains against the rest.
--
-- Parameters
--   $statistic  varchar = 'maximum'  {maximum, mean}  statistic of the activation map
-- Columns
--   layer                 varchar  as the card names it, in the order of depth
--   filter                integer  number of the filter in its layer, from 0
--   preferred             varchar  category with the largest mean response; of equal ones, the first; null if dead
--   csi                   double   0 to 1
--   depth_of_selectivity  double   0 to 1
--   lifetime_sparseness   double   0 to 1
--   signal_to_noise       double   0 upwards; null if no category varies, or if there is only one
--   dead                  boolean  the same response to every stimulus
select
    t.layer,
    t.filter,
    t.preferred,
    t.csi,
    t.depth_of_selectivity,
    t.lifetime_sparseness,
    t.signal_to_noise,
    t.dead
from filter_indices($statistic) t
join layers y using (layer)
order by y.position, t.filter
