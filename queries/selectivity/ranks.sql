-- Selectivity by ranks: AUC and precision at k of every filter for every category.
--
-- What the order of the stimuli alone says, whatever the scale of the responses. `auc` is the chance that a stimulus of the
-- category evokes more than one of the others, ties counting one half: 0 to 1, 0.5 is no preference, 1 a filter that
-- separates them without error, 0 one that avoids them. `precision` is the fraction of the k most activating stimuli that
-- belong to the category: 0 to 1, chance is n / all stimuli. It looks at the top alone, and calls many more filters
-- selective than the indices that look at all stimuli do. With k beyond n it cannot reach 1. Stimuli that tie for the last
-- of the k places share them. Both need the responses themselves, not only roll-ups. Dead filters have null indices.
--
-- Source: Mann and Whitney (1947), doi 10.1214/aoms/1177730491; Hanley and McNeil (1982), doi 10.1148/radiology.143.1.7063747;
-- precision: Zhou et al. (2015), arXiv:1412.6856.
--
-- Parameters
--   $k          integer = null                        stimuli at the top; as many as the category has if null
--   $layer      varchar = null       {layers.layer}   one layer; all of them if null
--   $statistic  varchar = 'maximum'  {maximum, mean}  statistic of the activation map
-- Columns
--   layer      varchar  as the card names it, in the order of depth
--   filter     integer  number of the filter in its layer, from 0
--   category   varchar
--   n          bigint   stimuli of the category
--   auc        double   0 to 1; null if dead or if there is no other category
--   precision  double   0 to 1; null if dead
select r.layer, r.filter, r.category, r.n, r.auc, r.precision
from rank_indices($statistic, $k, $layer) r
join layers y using (layer)
order by y.position, r.filter, r.category
