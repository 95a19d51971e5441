-- Distribution of the responses of every filter over all stimuli of a set.
--
-- There is one row for every filter and statistic of its activation map. All stimuli with responses count, whether
-- they have a label or not. Range and mean are what a response is compared with if the set is a reference: see
-- complexity/reference, and `toolbox reference`, which writes these rows to a file. A filter with the same smallest
-- and largest response (dead) cannot be normalised. A largest response depends on the number of stimuli: over more of
-- them it can only be larger. The quantiles hardly do. Pooling layers are excluded: they repeat the filters of the
-- convolution below them. This query is computed from the responses themselves.
--
-- Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265, for the range (equation 1).
--
-- Columns
--   layer      varchar  as the card names it, in the order of depth
--   filter     integer  number of the filter in its layer, from 0
--   statistic  varchar  maximum or mean of the activation map
--   n          bigint   stimuli with responses
--   mean       double   of the responses
--   sd         double   their standard deviation (n - 1); null for a single stimulus
--   minimum    double   smallest response
--   q05        double   5th percentile
--   q25        double   25th percentile
--   q50        double   median
--   q75        double   75th percentile
--   q95        double   95th percentile
--   maximum    double   largest response
with long as (
    select r.layer, y.position, r.filter, unnest(['maximum', 'mean']) as statistic, unnest([r.maximum, r.mean]) as value
    from responses r
    join layers y using (layer)
    where not y.is_pool
),
distribution as (
    select
        layer,
        position,
        filter,
        statistic,
        count(*)::bigint as n,
        avg(value::double) as mean,
        stddev_samp(value::double) as sd,
        min(value)::double as minimum,
        quantile_cont(value::double, [0.05, 0.25, 0.5, 0.75, 0.95]) as quantiles,
        max(value)::double as maximum
    from long
    group by layer, position, filter, statistic
)
select
    layer,
    filter,
    statistic,
    n,
    mean,
    sd,
    minimum,
    quantiles[1] as q05,
    quantiles[2] as q25,
    quantiles[3] as q50,
    quantiles[4] as q75,
    quantiles[5] as q95,
    maximum
from distribution
order by position, filter, statistic
