-- Replication, filter by filter: an index in this study and the value of a published table.
--
-- There is one row for every filter and category that both the study and the table contain. The rows explain a
-- correlation of replication/layers point by point. The two numbers may have different units and ranges: only their
-- order and their linear relation are compared. `here` is null for a dead filter, `there` where the table has no
-- value. By default the index is the response contrast (`contrast`: difference between the mean normalised responses
-- to the category and to all others). The query needs the view `reference` (layer, filter, category, value), which
-- `toolbox replicate --reference FILE` provides.
--
-- Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265; the index and the layer-wide range follow the code
-- published with it.
--
-- Parameters
--   $index      varchar = 'contrast'  {@indices}     index in this study
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
