-- Complexity of categories relative to a fixed reference: filters that respond highly to a category, layer by layer.
--
-- In complexity/layers every category is compared with all others of its set: another category changes the numbers of
-- all, and two sets cannot be compared. Here every category is compared with the same reference, such as a set of
-- natural photographs, and with nothing else. A filter responds highly to a category if the mean normalised response
-- to the category exceeds that to the stimuli of the reference by more than $threshold:
--     (m_c - m_reference) / (max_reference - min_reference) > threshold
-- Range and mean are those of the filter's responses to the reference, so a normalised response may be below 0 or
-- above 1. A filter with the same response to every stimulus of the reference is dead: it has no range, never counts
-- as highly responsive, and is counted in `dead`.
--
-- `mean_proportion` is the mean of `proportion` over the layers, `mean_depth` the mean network depth of the filters
-- that respond highly (sum of depth * proportion / sum of proportion), both as in complexity/depth.
-- Results with different references cannot be compared: a category of the reference itself, or one like many of its
-- stimuli, exceeds it in few filters. Pooling layers are excluded: they repeat the filters of the convolution below
-- them. Computed from the view `rollups`. The query needs the table `reference_responses`, which `toolbox reference`
-- writes (the rows of filters/distribution). `toolbox compare --reference` provides it, adds intervals, and refuses the
-- reference of another network; with `--table reference_responses=FILE` you must know that it is of the same one.
--
-- Source: own; proportion and depth as in Malakhova (2018), doi 10.1109/CVPRW.2018.00265.
--
-- Parameters
--   $threshold  double  = 0.1        {-1 to 1}       difference above which a filter responds highly
--   $statistic  varchar = 'maximum'  {@statistics}  statistic of the activation map
-- Columns
--   category         varchar
--   layer            varchar  as the card names it, in the order of depth
--   depth            double   network depth, 0 (first layer) to 1 (last)
--   filters          bigint   filters of the layer with a reference
--   dead             bigint   of these, filters without a range in the reference
--   responsive       bigint   filters that respond highly to the category
--   proportion       double   responsive / filters
--   mean_proportion  double   of the category, over its layers
--   mean_depth       double   of the category's filters, 0 (first layer) to 1 (last); null if there are none
with compared as (
    select
        m.category,
        m.layer,
        y.depth,
        r.maximum = r.minimum as dead,
        (m.mean - r.mean) / nullif(r.maximum - r.minimum, 0) as value
    from category_moments($statistic) m
    join layers y using (layer)
    join reference_responses r on r.layer = m.layer and r.filter = m.filter and r.statistic = $statistic
    where not y.is_pool
),
layer as (
    select
        category,
        layer,
        depth,
        count(*) as filters,
        count(*) filter (dead) as dead,
        count(*) filter (value > $threshold) as responsive
    from compared
    group by category, layer, depth
),
spread as (
    select *, responsive / filters as proportion from layer
)
select
    category,
    layer,
    depth,
    filters,
    dead,
    responsive,
    proportion,
    avg(proportion) over (partition by category) as mean_proportion,
    sum(depth * proportion) over (partition by category)
    / nullif(sum(proportion) over (partition by category), 0) as mean_depth
from spread
order by category, depth
