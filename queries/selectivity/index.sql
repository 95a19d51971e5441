-- Selectivity of every filter for every category.
--
-- One row per layer, filter and category: how much of the filter's activity belongs to the category. The three indices
-- answer different questions. `share` is the part of all activity that the category's stimuli evoke; it grows with the
-- number of stimuli of the category, and chance is their proportion. `balanced_share` weighs every category equally;
-- chance is 1 / number of categories. `contrast` is the mean normalised response to the category minus that to all
-- other stimuli: 0 is no preference, 1 a filter that is silent for everything else, negative values avoid the category.
-- Dead filters (the same response to every stimulus) have null indices.
--
-- The largest response over a map grows with the number of positions (50,176 in block1, 196 in block5), so a trend of
-- `maximum` over layers is partly a matter of map size; compare it with $statistic = 'mean'.
--
-- Source: Malakhova (2018), equations 1 and 2, doi 10.1109/CVPRW.2018.00265; contrast and the layer-wide range follow the
-- code published with it.
--
-- Parameters
--   $statistic  varchar = 'maximum'  {maximum, mean}  statistic of the activation map
--   $normalise  varchar = 'filter'   {filter, layer}  range of equation 1: of each filter, or of its whole layer
-- Columns
--   layer           varchar  as the card names it, in the order of depth
--   filter          integer  number of the filter in its layer, from 0
--   category        varchar
--   n               bigint   stimuli of the category
--   share           double   0 to 1, null if dead
--   balanced_share  double   0 to 1, null if dead
--   contrast        double   -1 to 1, null if dead or if there is no other category
select s.layer, s.filter, s.category, s.n, s.share, s.balanced_share, s.contrast
from selectivity($statistic, $normalise) s
join layers y using (layer)
order by y.position, s.filter, s.category
