-- Complexity of single stimuli: how many filters are responsive to a stimulus, and at what depth they are located.
--
-- This query is the counterpart of complexity/depth for single images. A filter is responsive to a stimulus if its
-- normalised response exceeds $threshold. The response is normalised to the range of the filter over the labelled
-- stimuli (equation 1). The proportion of responsive filters and their mean depth are properties of the network's
-- representation, not of the image's pixels. They reveal a set whose categories are alike on average but not image by
-- image, and the images to exclude.
--
-- There is no chance level, because each image is measured by itself. The range of a filter depends on two images: if
-- a single image drives the filter far above all others, all others are below half of the range. Pooling layers are
-- excluded: they repeat the filters of the convolution below them. This query is computed from the responses
-- themselves.
--
-- Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265.
--
-- Parameters
--   $threshold  double  = 0.5        {0 to 1}       part of a filter's range above which the filter is responsive
--   $statistic  varchar = 'maximum'  {@statistics}  statistic of the activation map
-- Columns
--   stimulus_id  integer
--   category     varchar
--   path         varchar  file of the image, as the study stores it
--   responsive   bigint   filters whose normalised response to the stimulus exceeds the threshold, over all layers
--   proportion   double   mean over layers of responsive / filters, 0 to 1
--   mean_depth   double   of the responsive filters, 0 (first layer) to 1 (last); null if there are none
--   entropy      double   0 all in one layer, 1 evenly distributed; null if there are none, or a single layer
with unit as (
    select layer, filter, any_value(all_lowest) as lowest, any_value(all_highest) as highest
    from category_moments($statistic)
    group by layer, filter
),
layer as (
    select
        r.stimulus_id,
        r.layer,
        y.depth,
        count(*) filter (r.response - u.lowest > $threshold * (u.highest - u.lowest)) as responsive,
        count(*) as filters
    from response_values($statistic) r
    join labels using (stimulus_id)
    join unit u using (layer, filter)
    join layers y using (layer)
    where not y.is_pool
    group by r.stimulus_id, r.layer, y.depth
),
spread as (
    select
        *,
        responsive / filters as proportion,
        (responsive / filters) / nullif(sum(responsive / filters) over (partition by stimulus_id), 0) as p
    from layer
)
select
    s.stimulus_id,
    l.category,
    t.path,
    sum(s.responsive)::bigint as responsive,
    avg(s.proportion) as proportion,
    sum(s.depth * s.p) as mean_depth,
    evenness(s.p) as entropy
from spread s
join labels l using (stimulus_id)
join stimuli t using (stimulus_id)
group by s.stimulus_id, l.category, t.path
order by s.stimulus_id
