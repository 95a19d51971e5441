-- Complexity of categories.

-- selective_proportions(index, statistic, normalise, threshold): proportion of selective filters in every layer.
--
-- There is one row for every category, layer and resample. kind is 'observed' (resample is null) or one of the kinds
-- of `resampled_counts`. The threshold is that of index_thresholds. Pooling layers are excluded: they repeat the
-- filters of the convolution below them.
create macro selective_proportions(index, statistic, normalise, threshold) as table
with observed as (
    select
        i.category,
        i.layer,
        i.depth,
        count(*) as filters,
        count(*) filter (i.value > t.threshold) as selective
    from index_values(index, statistic, normalise) i
    join index_thresholds(index, threshold) t using (category)
    where not i.is_pool
    group by i.category, i.layer, i.depth
)
select
    'observed' as kind,
    null::integer as resample,
    category,
    layer,
    depth,
    filters,
    selective,
    selective / filters as proportion
from observed
union all
select d.kind, d.resample, o.category, o.layer, o.depth, o.filters, d.selective, d.selective / o.filters
from resampled_counts(index, statistic, normalise, threshold) d
join observed o using (category, layer);

-- category_complexity(index, statistic, normalise, threshold): proportion and mean depth of every category's filters.
--
-- The complexity of a category: the proportion of filters selective for it, and their mean depth. It is a property of
-- the network's representation, not of the images' pixels. There is one row for every kind and resample of
-- `selective_proportions`: the number of selective filters in all layers, the mean proportion over layers, the mean
-- depth, and the entropy of the distribution over the layers:
--     mean_depth = sum of depth * proportion / sum of proportion
--     entropy    = -sum of p ln p / ln L, p = proportion / sum of proportion, over the L layers
create macro category_complexity(index, statistic, normalise, threshold) as table
with spread as (
    select *, proportion / nullif(sum(proportion) over (partition by kind, resample, category), 0) as p
    from selective_proportions(index, statistic, normalise, threshold)
)
select
    kind,
    resample,
    category,
    sum(selective)::bigint as selective,
    avg(proportion) as proportion,
    sum(depth * p) as mean_depth,
    evenness(p) as entropy
from spread
group by kind, resample, category;
