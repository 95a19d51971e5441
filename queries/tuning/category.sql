-- Tuning curve of one filter over the categories.
--
-- The curve is the mean response to each category, with its standard error. In rank order, a selective filter has a
-- steep decrease after the first category, an unselective filter a flat curve. Ranked means also decrease by chance,
-- for any filter, so compare the decrease with the standard errors. In the order of labels the curves of several
-- filters can be compared. The standard deviation is over stimuli; the network itself has no noise.
--
-- Source: selectivity of single filters for classes as in Rafegas et al. (2020), doi 10.1016/j.patrec.2019.10.013.
--
-- Parameters
--   $layer      varchar              {layers.layer}  layer as the card names it
--   $filter     integer              {0 or more}     number of the filter, from 0
--   $statistic  varchar = 'maximum'  {@statistics}   statistic of the activation map
--   $order      varchar = 'rank'     {rank, label}   rows by decreasing response, or by category, to compare filters
-- Columns
--   rank        bigint   1 is the preferred category
--   category    varchar
--   n           bigint   stimuli
--   mean        double   mean response in the units of the network
--   sd          double   standard deviation over stimuli (n - 1), null for one stimulus
--   sem         double   standard error of the mean, sd / sqrt(n)
--   normalised  double   mean of (A - min) / (max - min), null for a dead filter
with cell as (
    select
        category,
        n,
        sum / n as mean,
        sqrt(squared_deviations / nullif(n - 1, 0)) as sd,
        min(minimum) over () as lowest,
        max(maximum) over () as highest
    from rollups
    where
        layer = $layer
        and filter = (from known_filter($layer, $filter))
        and statistic = $statistic
)
select
    row_number() over (order by mean desc, category)::bigint as rank,
    category,
    n,
    mean,
    sd,
    sd / sqrt(n) as sem,
    (mean - lowest) / nullif(highest - lowest, 0) as normalised
from cell
order by case $order when 'rank' then rank end, category
