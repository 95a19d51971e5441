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
        count(*) filter (value > threshold) as responsive
    from index_values(index, statistic, normalise)
    where kind <> 'pool'
    group by category, layer, depth
)
select
    'observed' as kind,
    null::integer as resample,
    category,
    layer,
    depth,
    filters,
    responsive,
    responsive / filters as share
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
    select *, share / nullif(sum(share) over (partition by kind, resample, category), 0) as p
    from selective_proportions(index, statistic, normalise, threshold)
)
select
    kind,
    resample,
    category,
    sum(responsive)::bigint as responsive,
    avg(share) as share,
    sum(depth * p) as depth,
    (-sum(case when p = 0 then 0 else p * ln(p) end) / nullif(ln(count(*)), 0)) + 0.0 as entropy
from spread
group by kind, resample, category;
