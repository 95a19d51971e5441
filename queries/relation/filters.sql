-- Filters whose responses are related to a numeric parameter of the stimuli, the strongest first.
--
-- The parameter is any number that is known of the stimuli: a rating, a reaction time or a response amplitude of a
-- voxel (a column of the manifest, or of a table added by `toolbox parameters`), or a measured property of the image,
-- such as its sharpness. `correlation` is Spearman's: that of the ranks, with the mean rank for equal values. A
-- monotone transformation of the parameter, such as the logarithm of a reaction time, does not change it. Stimuli
-- without a value, without a label or without responses are left out. Pooling layers are excluded: they repeat the
-- filters of the convolution below them.
--
-- $given names what is held constant, separated by commas: other parameters or properties, or `category`. The
-- correlation is then a partial one, that of the parts of the ranks which linear regression on the other ranks does
-- not explain. With `category`, only differences between stimuli of one category count. Without it, a filter that
-- prefers a category is related to every parameter in which that category differs.
--
-- `low` and `high` are the ends of a 95 % interval, by Fisher's z with the standard error of Bonett and Wright (2000).
-- The interval is not corrected for the choice of a filter as the strongest of thousands: its correlation is biased
-- away from 0, and is lower for other stimuli. p, q and the FWE corrected p need `toolbox relate` for the same
-- parameter, $given and statistic, and are null without it. A correlation does not show that a filter represents the
-- parameter, nor that the observer uses it.
--
-- Source: Spearman (1904), doi 10.2307/1412159; Bonett and Wright (2000), doi 10.1007/BF02294183; for q, Benjamini and
-- Hochberg (1995), doi 10.1111/j.2517-6161.1995.tb02031.x; for permutations with something given, Freedman and Lane
-- (1983), doi 10.2307/1391660.
--
-- Parameters
--   $parameter  varchar                          {variables.variable}  numeric parameter, or measured property
--   $given      varchar = null                                         what is held constant, separated by commas
--   $count      integer = 20                     {1 or more}           filters that are listed
--   $statistic  varchar = 'maximum'              {@statistics}         statistic of the activation map
-- Columns
--   rank         bigint   1 is the filter with the largest absolute correlation
--   layer        varchar
--   depth        double   of the layer in the network, 0 (first) to 1 (last)
--   filter       integer  number of the filter in its layer, from 0
--   n            bigint   stimuli
--   correlation  double   -1 to 1; null for a dead filter
--   low          double   lower end of the interval of correlation
--   high         double   upper end of the interval of correlation
--   p            double   two-sided permutation p
--   q            double   expected proportion of false discoveries among all filters at least as significant
--   p_fwe        double   FWE corrected p of the largest absolute correlation over all filters
--   is_bound     boolean  whether p is the smallest that the permutations allow
with ranked as (
    select
        *,
        row_number() over (order by abs(correlation) desc, position, filter)::bigint as rank,
        sqrt((1 + correlation ** 2 / 2) / nullif(greatest(free - 1, 0), 0)) as error
    from filter_relations($parameter, $given, $statistic)
    where not is_pool and correlation is not null
)
select
    r.rank,
    r.layer,
    r.depth,
    r.filter,
    r.n,
    r.correlation,
    case when abs(r.correlation) < 1 then tanh(atanh(r.correlation) - 1.96 * r.error) end as low,
    case when abs(r.correlation) < 1 then tanh(atanh(r.correlation) + 1.96 * r.error) end as high,
    t.p,
    t.q,
    t.p_fwe,
    is_smallest_p(t.p, t.permutations) as is_bound
from ranked r
left join (
    select * from relations c
    where c.parameter = $parameter and c.given = given_key($given) and c.statistic = $statistic
) t using (layer, filter)
where r.rank <= $count
order by r.rank
