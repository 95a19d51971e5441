-- Complexity of every stimulus: how many filters respond highly to it, and how deep they lie.
--
-- As complexity/depth, for single images: a filter responds highly to a stimulus when its response, normalised to the
-- range of the filter over the labelled stimuli (equation 1), exceeds $threshold. Shows a set whose classes are alike on
-- average but not image by image, and the images to leave out. There is no chance level: each image is taken as it is. A
-- range hangs on two images: a single one that drives a filter far above all others leaves them all below half of it.
-- Pooling layers are left out: they repeat the filters of the convolution below them. Reads the responses themselves.
--
-- Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265.
--
-- Parameters
--   $threshold  double  = 0.5                       part of a filter's range above which it responds highly
--   $statistic  varchar = 'maximum'  {@statistics}  statistic of the activation map
-- Columns
--   stimulus_id  integer
--   category     varchar
--   path         varchar  file of the image, as the study knows it
--   responsive   bigint   filters that respond highly to the stimulus, over all layers
--   share        double   mean over layers of responsive / filters, 0 to 1
--   depth        double   0 is the first layer of the network, 1 its last; null if no filter responds
--   entropy      double   0 all in one layer, 1 spread evenly; null if no filter responds or there is a single layer
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
