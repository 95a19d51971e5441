-- Tuning curve of one filter over a stimulus parameter.
--
-- The curve is the mean response at every value of a numeric parameter of the stimuli (orientation, spatial
-- frequency, luminance contrast …), over all values of the other parameters. It needs stimuli with parameters: the
-- set `gratings`, or any manifest with further columns.
--
-- The standard error measures the variation over the other parameters (phase, frequency); the network itself has no
-- noise. The default statistic is the mean. The zero padding of a convolution creates an edge at the border of the
-- image. This edge remains for a full-field grating of any orientation, and the maximum over the map finds it.
--
-- Source: Hubel and Wiesel (1962), doi 10.1113/jphysiol.1962.sp006837.
--
-- Parameters
--   $layer      varchar                  {layers.layer}          layer as the card names it
--   $filter     integer                  {0 or more}             number of the filter, from 0
--   $parameter  varchar = 'orientation'  {parameters.parameter}  name of a numeric column of the stimulus set
--   $statistic  varchar = 'mean'         {@statistics}           statistic of the activation map
-- Columns
--   parameter   varchar  name of the parameter
--   value       double   value of the parameter
--   n           bigint   stimuli
--   mean        double   mean response in the units of the network
--   sd          double   standard deviation over stimuli (n - 1), null for one stimulus
--   sem         double   standard error of the mean, sd / sqrt(n)
--   normalised  double   mean of (A - min) / (max - min), null for a dead filter
with measured as (
    select value::double as value, response
    from filter_responses($layer, $filter, $statistic)
    join parameters using (stimulus_id)
    where parameter = $parameter
),
range as (
    select min(response) as lowest, max(response) as highest from measured
)
select
    $parameter::varchar as parameter,
    value,
    count(*)::bigint as n,
    avg(response) as mean,
    stddev_samp(response) as sd,
    stddev_samp(response) / sqrt(count(*)) as sem,
    (avg(response) - any_value(lowest)) / nullif(any_value(highest) - any_value(lowest), 0) as normalised
from measured, range
group by value
order by value
