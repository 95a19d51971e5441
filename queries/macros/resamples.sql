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
--
-- The indices of a bootstrap sample contain the noise of the stimuli twice: their own, and that of the sample. Too
-- many filters would cross the threshold. So before the second is added, the differences between the filters of a
-- layer are reduced by as much: the indices then vary over the filters as they do in the set (Silverman and Young
-- 1987, doi 10.1093/biomet/74.3.469).
create macro resampled_counts(index, statistic, normalise, threshold) as table
select d.kind, d.resample, d.layer, d.category, d.selective, d.strength
from resamples d
join index_thresholds(index, threshold) t on t.category = d.category and t.threshold = d.threshold
where d.index = index and d.statistic = statistic and d.normalise = normalise;

-- bootstrap_error(value, kind): standard error, the standard deviation over the bootstrap samples, as an aggregate.
create macro bootstrap_error(value, kind) as stddev_samp(value) filter (kind = 'bootstrap');

-- bootstrap_interval(estimate, error, lowest, highest): 95 % interval, [low, high], of an estimate.
--
-- estimate +- 1.96 standard errors (Efron and Tibshirani 1993, chapter 12), within what is possible. It estimates the
-- mean of the same number over other sets of as many stimuli of the same categories, and always contains the
-- estimate. Percentile intervals, BCa included, do not fit numbers of filters above a threshold: filters cross it in
-- both directions, so the samples may all be on one side of the estimate. Null if all samples agree, as where no
-- filter crosses the threshold in any of them: they show nothing about another set.
create macro bootstrap_interval(estimate, error, lowest, highest) as
    case when error > 1e-12
        then [greatest(estimate - 1.96 * error, lowest), least(estimate + 1.96 * error, highest)]
    end;

-- permutation_interval(value, kind): 95 % interval over the permutations, the chance band, as an aggregate.
create macro permutation_interval(value, kind) as quantile_cont(value, [0.025, 0.975]) filter (kind = 'permutation');

-- observed_value(value, kind): the value in the one row that is of the stimuli themselves, as an aggregate.
create macro observed_value(value, kind) as any_value(value) filter (kind = 'observed');
