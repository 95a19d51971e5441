-- Selectivity of every filter for every category: all indices that need no ranks, side by side.
--
-- One row per layer, filter and category. The indices answer different questions and disagree (selectivity/agreement), so
-- look at several:
--
--     index            range     no preference    what it says
--     share            0 to 1    n / all stimuli  part of all normalised activity that the category's stimuli evoke
--     balanced_share   0 to 1    1 / categories   the same with every category weighing equally
--     contrast         -1 to 1   0                mean normalised response to the category minus that to all others
--     csi              -1 to 1   0                mean response against the mean of the other categories' means; of the
--                                                 preferred category, this is the class selectivity index
--     fsi              -1 to 1   0                the same against all other stimuli, or those of $against; 1/3 is twice
--                                                 the response
--     d_prime          any       0                difference of the means in units of the two groups' standard deviation
--                                                 (root of the mean of both variances)
--     welch_t          any       0                difference of the means in units of its standard error
--
-- In a sample none is exactly at chance: the largest of thousands of filters is far above it by accident. What chance
-- gives is in selectivity/significance. All are had from roll-ups; share, balanced_share and contrast need the smallest
-- and the largest response, d_prime and welch_t two stimuli of each category. csi is null where responses can be negative.
-- Dead filters (the same response to every stimulus) have null indices.
--
-- The largest response over a map grows with the number of positions (50,176 in block1, 196 in block5), so a trend of
-- `maximum` over layers is partly a matter of map size; compare it with $statistic = 'mean'.
--
-- Source: Malakhova (2018), equations 1 and 2, doi 10.1109/CVPRW.2018.00265; contrast and the layer-wide range follow the
-- code published with it. csi: Morcos et al. (2018), arXiv:1803.06959. fsi: Freiwald, Tsao and Livingstone (2009),
-- doi 10.1038/nn.2363. d_prime: Green and Swets (1966). welch_t: Welch (1947), doi 10.1093/biomet/34.1-2.28. That indices
-- disagree: Gale et al. (2020), doi 10.1016/j.visres.2020.06.007.
--
-- Parameters
--   $statistic  varchar = 'maximum'  {maximum, mean}    statistic of the activation map
--   $normalise  varchar = 'filter'   {filter, layer}    range of equation 1: of each filter, or of its whole layer
--   $against    varchar = null       {labels.category}  category that fsi compares with; all other stimuli if null
-- Columns
--   layer           varchar  as the card names it, in the order of depth
--   filter          integer  number of the filter in its layer, from 0
--   category        varchar
--   n               bigint   stimuli of the category
--   share           double   0 to 1, null if dead
--   balanced_share  double   0 to 1, null if dead
--   contrast        double   -1 to 1, null if dead or if there is no other category
--   csi             double   -1 to 1, null if dead, if a response is negative, or if there is no other category
--   fsi             double   -1 to 1, null if dead, if both means are negative or 0, or if there is nothing to compare with
--   d_prime         double   null if dead, if neither group varies, or if one is a single stimulus
--   welch_t         double   null if dead, if neither group varies, or if one is a single stimulus
--   welch_df        double   degrees of freedom of welch_t
select
    s.layer,
    s.filter,
    s.category,
    s.n,
    s.share,
    s.balanced_share,
    s.contrast,
    s.csi,
    case
        when $against is null then s.fsi
        when s.dead or s.category = $against then null
        when c.mean * o.mean < 0 then sign(c.mean)
        when c.mean + o.mean > 0 then (c.mean - o.mean) / (c.mean + o.mean)
    end::double as fsi,
    s.d_prime,
    s.welch_t,
    s.welch_df
from selectivity($statistic, $normalise) s
join layers y using (layer)
left join category_moments($statistic) c on $against is not null and c.layer = s.layer and c.filter = s.filter and c.category = s.category
left join category_moments($statistic) o on $against is not null and o.layer = s.layer and o.filter = s.filter and o.category = $against
order by y.position, s.filter, s.category
