-- Complexity of categories.

-- selective_proportions(index, statistic, normalise, threshold): highly responsive filters of every class and layer, with every draw.
--
-- kind is 'observed' (draw is null) or one of those of `drawn`. Pooling layers are left out: they repeat the filters of the
-- convolution below them.
create macro selective_proportions(index, statistic, normalise, threshold) as table
with observed as (
    select
        category,
        layer,
        depth,
        count(*) as filters,
        count(*) filter (value > threshold) as selective
    from index_values(index, statistic, normalise)
    where not is_pool
    group by category, layer, depth
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

-- category_complexity(index, statistic, normalise, threshold): number and level of the highly responsive filters of every class.
--
-- For every kind and draw of `shares`: responsive filters in all, mean share over layers, their depth and the evenness of
-- their spread over the layers:
--     depth   = sum of depth * share / sum of share
--     entropy = -sum of p ln p / ln L, p = share / sum of share, over the L layers
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
