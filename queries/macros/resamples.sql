-- Results of resampling.

-- index_thresholds(index, threshold): the threshold of an index for every category, with n, all_n and categories.
--
-- It is the given one or, if that is null, the suitable one of the index's file. That of some indices depends on the
-- number of the category's stimuli n, of all labelled stimuli all_n, or of the categories.
create macro index_thresholds(index, threshold) as table
with size as (
    select
        category,
        max(n) as n,
        (sum(max(n)) over ())::bigint as all_n,
        count(*) over () as categories
    from rollups
    group by category
)
select
    category,
    n,
    all_n,
    categories,
    coalesce(
        threshold,
        case index
        {@thresholds}
        end
    )::double as threshold
from size;

-- resampled_counts(index, statistic, normalise, threshold): selective filters of each layer in every resample.
--
-- kind is 'bootstrap' (the stimuli of every category resampled with replacement), 'permutation' (labels permuted) or
-- 'equal' (every category reduced to the size of the smallest; only if sizes differ). strength is the mean index of
-- the layer's ten most selective filters. The threshold is that of index_thresholds. No rows until
-- `toolbox significance` was run for this index and threshold.
create macro resampled_counts(index, statistic, normalise, threshold) as table
select d.kind, d.resample, d.layer, d.category, d.selective, d.strength
from resamples d
join index_thresholds(index, threshold) t on t.category = d.category and t.threshold = d.threshold
where d.index = index and d.statistic = statistic and d.normalise = normalise;

-- bootstrap_interval(value, kind): 95 % interval over the bootstrap samples, [low, high], as an aggregate.
--
-- Percentile interval (Efron and Tibshirani 1993); null where there are none.
create macro bootstrap_interval(value, kind) as quantile_cont(value, [0.025, 0.975]) filter (kind = 'bootstrap');

-- permutation_interval(value, kind): 95 % interval over the permutations, the chance band, as an aggregate.
create macro permutation_interval(value, kind) as quantile_cont(value, [0.025, 0.975]) filter (kind = 'permutation');

-- observed_value(value, kind): the value in the one row that is of the stimuli themselves, as an aggregate.
create macro observed_value(value, kind) as any_value(value) filter (kind = 'observed');
