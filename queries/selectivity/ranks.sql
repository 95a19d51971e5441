-- Selectivity by ranks: the indices of every filter for every category that depend on the order of the stimuli alone.
--
-- The order of the responses to the stimuli, whatever their scale. `toolbox query auc --describe` prints what an
-- index measures, its formula, its chance level and its source. These indices are computed from the responses
-- themselves, so they take longer than those of selectivity/index. Stimuli that tie share their ranks. Dead filters
-- have null indices.
--
-- Source: the source of each index is in its file; that precision depends on k: Gale et al. (2020),
-- doi 10.1016/j.visres.2020.06.007.
--
-- Parameters
--   $k          integer = null       {1 or more}     k of precision; the number of the category's stimuli if null
--   $layer      varchar = null       {layers.layer}  one layer; all of them if null
--   $statistic  varchar = 'maximum'  {@statistics}   statistic of the activation map
-- Columns
--   layer      varchar  as the card names it, in the order of depth
--   filter     integer  number of the filter in its layer, from 0
--   category   varchar
--   n          bigint   stimuli of the category
--   {@columns of ranks}
select r.*
from rank_indices($statistic, $k, $layer) r
join layers y using (layer)
order by y.position, r.filter, r.category
