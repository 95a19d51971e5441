-- The most representative filters of a category over all layers.
--
-- The filters whose activity belongs most to the category, wherever in the network they lie. Pooling layers are left out:
-- they repeat the filters of the convolution below them. A filter chosen as the best of thousands looks better than it
-- is on the stimuli that chose it: its interval (95 % of the bootstrap samples) is not corrected for that, q is corrected for
-- all filters and categories that were tested, and selectivity/reliability measures it on other stimuli. Interval and q
-- need `toolbox significance` for the same index, and are null without it.
--
-- Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265.
--
-- Parameters
--   $category   varchar = null        {labels.category}  one category; all of them if null
--   $count      integer = 10                             filters per category
--   $index      varchar = 'contrast'  {@indices}         index that ranks them
--   $statistic  varchar = 'maximum'   {@statistics}      statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}          range of equation 1
-- Columns
--   category        varchar
--   rank            bigint   1 is the most selective filter
--   layer           varchar
--   filter          integer  number of the filter in its layer, from 0
--   share           double   0 to 1; chance is the category's proportion of the stimuli
--   balanced_share  double   0 to 1; chance is 1 / number of categories
--   contrast        double   -1 to 1
--   value           double   the index that ranks
--   low             double   lower end of its bootstrap interval
--   high            double   upper end of its bootstrap interval
--   q               double   fraction of false discoveries among all filters at least as significant
with ranked as (
    select
        *,
        row_number() over (partition by category order by value desc, position, filter)::bigint as rank
    from index_values($index, $statistic, $normalise)
    where not is_pool and value is not null
)
select
    r.category,
    r.rank,
    r.layer,
    r.filter,
    r.share,
    r.balanced_share,
    r.contrast,
    r.correlation,
    r.value,
    s.low,
    s.high,
    s.q
from ranked r
left join (
    select * from significance g where g.index = $index and g.statistic = $statistic and g.normalise = $normalise
) s using (layer, filter, category)
where r.rank <= $count and ($category is null or r.category = $category)
order by r.category, r.rank
