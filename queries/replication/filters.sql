-- Replication, filter by filter: an index here against the value of a published table.
--
-- One row for every filter and category that both the study and the table have, so that a correlation of replication/layers
-- can be looked at. The two numbers need not have one unit or one range: what is compared is their order and their
-- straight line. `here` is null for a dead filter, `there` where the table has no value.
-- It needs the view `reference` (layer, filter, category, value), which `toolbox replicate --reference FILE` brings along.
--
-- Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265; the index and the layer-wide range follow the code published with
-- it.
--
-- Parameters
--   $index      varchar = 'contrast'  {@indices}     index here
--   $statistic  varchar = 'mean'      {@statistics}  statistic of the activation map
--   $normalise  varchar = 'layer'     {@ranges}      range of equation 1
-- Columns
--   layer     varchar  as the card names it, in the order of depth
--   filter    integer  number of the filter in its layer, from 0
--   category  varchar
--   here      double   the index in this study, null for a dead filter
--   there     double   the value of the table, null where it has none
select layer, filter, category, here, there
from published_pairs($index, $statistic, $normalise)
order by position, filter, category
