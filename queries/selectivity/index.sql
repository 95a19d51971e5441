-- Selectivity of every filter for every category: all indices that are computed from moments, side by side.
--
-- One row per layer, filter and category, with every index that is computed from moments (means and variances of the
-- responses by category). The indices answer different questions and disagree (see selectivity/agreement), so look
-- at several. `toolbox query d_prime --describe` prints what an index measures, its formula, its chance level and
-- its source; queries/README.md has all of them.
--
-- In a sample no index is exactly at its chance level: the largest of thousands of filters is far above it by
-- accident. selectivity/significance reports what chance gives. Most indices hardly change when some of a category's
-- stimuli lack their label; selectivity/sanity measures which ones do. Dead filters (the same response to every
-- stimulus) have null indices.
--
-- The largest response over a map grows with the number of positions (50,176 in block1, 196 in block5). A trend of
-- `maximum` over layers therefore partly reflects map size; compare it with $statistic = 'mean'.
--
-- Source: Malakhova (2018), equations 1 and 2, doi 10.1109/CVPRW.2018.00265. That indices disagree: Gale et al.
-- (2020), doi 10.1016/j.visres.2020.06.007. The source of each index is in its file.
--
-- Parameters
--   $statistic  varchar = 'maximum'  {@statistics}      statistic of the activation map
--   $normalise  varchar = 'filter'   {@ranges}          range of equation 1: of each filter, or of its whole layer
--   $against    varchar = null       {labels.category}  category that fsi compares with; all other stimuli if null
-- Columns
--   layer     varchar  as the card names it, in the order of depth
--   filter    integer  number of the filter in its layer, from 0
--   category  varchar
--   n         bigint   stimuli of the category
--   {@columns of moments}
--   welch_df  double   degrees of freedom of welch_t; null where it is
select
    s.* exclude (dead)
    replace (
        case
            when $against is null then s.fsi
            when s.dead or s.category = $against then null
            when c.mean * o.mean < 0 then sign(c.mean)
            when c.mean + o.mean > 0 then normalised_difference(c.mean, o.mean)
        end::double as fsi
    )
from selectivity($statistic, $normalise) s
join layers y using (layer)
left join category_moments($statistic) c
    on $against is not null and c.layer = s.layer and c.filter = s.filter and c.category = s.category
left join category_moments($statistic) o
    on $against is not null and o.layer = s.layer and o.filter = s.filter and o.category = $against
order by y.position, s.filter, s.category
