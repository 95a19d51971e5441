-- How far the index of every filter can be trusted: interval, p and q.
--
-- `low` and `high` hold 95 % of the bootstrap samples of the stimuli. p is the chance of a value at least as large under
-- shuffled labels, (b + 1) / (draws + 1), one-sided: it asks whether the filter prefers the category. With thousands of
-- filters many small p are accidents, so two corrections over all filters and categories stand beside it: q, below which a
-- filter belongs to a list with that fraction of false discoveries, and p_family, the chance that the largest value of all
-- shuffled filters and categories reaches this one. p_welch and q_welch are those of Welch's t, which trusts means of
-- few stimuli to be normal. Intervals are not corrected, and a filter picked for its large value lies high in its own.
-- q and p_family are null in pooling layers, which repeat the filters of the convolution below them and are in no family
-- of tests. Dead filters have rows, with null values. No rows until `toolbox significance` was run for the index.
--
-- No p is below 1 / (draws + 1), so q needs many such p at once: with 25,344 tests and 1,000 draws none is below 0.05
-- until some 507 tests have the least p. Where few filters differ, or draws are few, p_family finds what q cannot.
-- In a share, whose level is a category's part of the stimuli, the largest category decides p_family: with unequal
-- categories take balanced_share.
--
-- Source: Phipson and Smyth (2010), doi 10.2202/1544-6115.1585; Benjamini and Hochberg (1995),
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
--   p         double   one-sided, by permutation
--   q         double   the same, by Benjamini and Hochberg
--   p_family  double   the same, corrected for the largest of all
--   p_welch   double   one-sided, of Welch's t
--   q_welch   double   the same, by Benjamini and Hochberg
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
