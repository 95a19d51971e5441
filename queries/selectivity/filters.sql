-- Selectivity of every filter as such: its preferred category, and how sharply it is tuned.
--
-- One row per filter, where selectivity/index has one per category. `csi` is that of the preferred category, the
-- class selectivity index. The other indices describe the filter whatever the category; `toolbox query
-- lifetime_sparseness --describe` prints what one measures. Chance is above 0 for all of them: the largest of K
-- means exceeds the others by accident, the more the fewer stimuli there are. All are computed from means and
-- variances. Dead filters have null indices.
--
-- Source: csi: Morcos et al. (2018), arXiv:1803.06959. The source of each other index is in its file.
--
-- Parameters
--   $statistic  varchar = 'maximum'  {@statistics}  statistic of the activation map
-- Columns
--   layer                 varchar  as the card names it, in the order of depth
--   filter                integer  number of the filter in its layer, from 0
--   preferred             varchar  category with the largest mean response; of equal ones, the first; null if dead
--   csi                   double   0 to 1; null if dead, if a response is negative, or if there is no other category
--   {@columns of filter}
--   dead                  boolean  the same response to every stimulus
select
    t.layer,
    t.filter,
    t.preferred,
    s.csi,
    t.* exclude (layer, filter, preferred)
from filter_indices($statistic) t
join layers y using (layer)
left join selectivity($statistic, 'filter') s
    on s.layer = t.layer and s.filter = t.filter and s.category = t.preferred
order by y.position, t.filter
