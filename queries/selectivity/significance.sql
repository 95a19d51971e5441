-- Significance of the index of every filter: bootstrap interval, p and q.
--
-- `low` and `high` are the ends of a 95 % interval: percentiles of the bootstrap samples of the stimuli, further out
-- than 2.5 and 97.5 where the category is small (Hesterberg 2015). It estimates the mean of the index over other sets
-- of as many stimuli, in units of this set's range of the filter. Where the samples are biased, as those of `auprc`,
-- it is extended to the value itself. Intervals are not corrected: if a filter is selected for its large value, this
-- value is in the upper part of its own interval.
--
-- p is the probability of a value at least as large for permuted labels, (b + 1) / (permutations + 1). It is
-- one-sided: it tests whether the filter prefers the category. By default the index is the response contrast
-- (`contrast`: difference between the mean normalised responses to the category and to all others).
--
-- With thousands of filters many small p occur by chance, so there are two corrections over all filters and
-- categories. q is the expected proportion of false discoveries in a list of all filters with a q up to this one.
-- `p_fwe` is the family-wise error (FWE) corrected p: the probability that the largest value of all filters and
-- categories, for permuted labels, reaches this one. `p_welch` and `q_welch` are those of Welch's t, which assumes
-- that means of few stimuli are normally distributed.
--
-- q and p_fwe are null in pooling layers, which repeat the filters of the convolution below them and belong to no
-- family of tests. Dead filters have rows, with null values. No rows until `toolbox significance` was run for the
-- index.
--
-- No p is below 1 / (permutations + 1), so q can be small only if many tests have the smallest p. With 25,344 tests
-- and 1,000 permutations no q is below 0.05 until about 507 tests have the smallest p. If few filters differ, or
-- permutations are few, p_fwe finds filters that q cannot find. The chance level of `share` is the category's
-- proportion of the stimuli, so the largest category determines its p_fwe: with unequal categories use
-- `balanced_share`.
--
-- Source: Hesterberg (2015), doi 10.1080/00031305.2015.1089789; Phipson and Smyth (2010),
-- doi 10.2202/1544-6115.1585; Benjamini and Hochberg (1995),
-- doi 10.1111/j.2517-6161.1995.tb02031.x; Nichols and Holmes (2002), doi 10.1002/hbm.1058.
--
-- Parameters
--   $index      varchar = 'contrast'  {@indices}         resampled index
--   $category   varchar = null        {labels.category}  one category; all of them if null
--   $statistic  varchar = 'maximum'   {@statistics}      statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}          range of equation 1
-- Columns
--   layer     varchar  as the card names it, in the order of depth
--   filter    integer  number of the filter in its layer, from 0
--   category  varchar
--   value     double   the index; null if dead
--   low       double   lower end of the bootstrap interval
--   high      double   upper end of the bootstrap interval
--   p         double   one-sided, from permutations
--   q         double   p corrected by the method of Benjamini and Hochberg
--   p_fwe     double   p corrected for the largest value of all filters and categories (FWE)
--   p_welch   double   one-sided, of Welch's t
--   q_welch   double   p_welch corrected by the method of Benjamini and Hochberg
select
    s.layer,
    s.filter,
    s.category,
    s.value,
    s.low,
    s.high,
    s.p,
    s.q,
    s.p_fwe,
    s.p_welch,
    s.q_welch
from significance s
join layers y using (layer)
where
    s.index = $index
    and s.statistic = $statistic
    and s.normalise = $normalise
    and ($category is null or s.category = $category)
order by y.position, s.filter, s.category
