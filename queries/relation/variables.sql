-- Numbers that are known of the stimuli: parameters and measured properties.
--
-- Each can be the $parameter of relation/filters and relation/layers, or be held constant there. Parameters are the
-- numeric columns of the manifest, and those that `toolbox parameters` added; several observations of a stimulus count
-- as their mean. Properties were measured of the images.
--
-- Source: Spearman (1904), doi 10.2307/1412159, for correlations with them.
--
-- Parameters
-- Columns
--   variable  varchar
--   stimuli   bigint   stimuli with a value
--   values    bigint   different values
--   lowest    double   in the unit of the variable
--   median    double   in the unit of the variable
--   highest   double   in the unit of the variable
select
    variable,
    count(value) as stimuli,
    count(distinct value) as values,
    min(value) as lowest,
    median(value) as median,
    max(value) as highest
from variables
group by variable
order by variable
