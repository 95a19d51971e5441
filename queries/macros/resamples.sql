-- Results of resampling.

-- resampled_counts(index, statistic, normalise, threshold): selective filters of each layer in every resample.
--
-- kind is 'bootstrap' (the stimuli of every category resampled with replacement), 'permutation' (labels permuted) or
-- 'equal' (every category reduced to the size of the smallest; only if sizes differ). strength is the mean index of
-- the layer's ten most selective filters. No rows until `toolbox significance` was run for this index and threshold.
create macro resampled_counts(index, statistic, normalise, threshold) as table
select d.kind, d.resample, d.layer, d.category, d.selective, d.strength
from resamples d
where
    d.index = index
    and d.statistic = statistic
    and d.normalise = normalise
    and d.threshold = threshold;

-- bootstrap_interval(value, kind): 95 % interval over the bootstrap samples, [low, high], as an aggregate.
--
-- Percentile interval (Efron and Tibshirani 1993); null where there are none.
create macro bootstrap_interval(value, kind) as quantile_cont(value, [0.025, 0.975]) filter (kind = 'bootstrap');

-- permutation_interval(value, kind): 95 % interval over the permutations, the chance band, as an aggregate.
create macro permutation_interval(value, kind) as quantile_cont(value, [0.025, 0.975]) filter (kind = 'permutation');

-- observed_value(value, kind): the value in the one row that is of the stimuli themselves, as an aggregate.
create macro observed_value(value, kind) as any_value(value) filter (kind = 'observed');
