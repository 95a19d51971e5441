-- The most selective filters of a category over all layers.
--
-- The filters are ranked by an index, wherever in the network they are located. The default index is the response
-- contrast (`contrast`: difference between the mean normalised responses to the category and to all others). Pooling
-- layers are excluded: they repeat the filters of the convolution below them.
--
-- The index of a filter that was chosen as the best of thousands is biased upwards on the stimuli that chose it. Its
-- 95 % interval is not corrected for this choice. q is corrected for all filters and categories that were tested.
-- For the value without this bias, present other stimuli of the same categories and read it from selectivity/filters.
-- Interval and q need `toolbox significance` for the same index, and are null without it.
--
-- `correlation` is listed next to the response contrast as a check on the labels. The response contrast hardly
-- changes if some stimuli of the category lack their label; the correlation decreases for both missing and false
-- labels (see selectivity/sanity).
--
-- Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265.
--
-- Parameters
--   $category   varchar = null        {labels.category}  one category; all of them if null
--   $count      integer = 10          {1 or more}        filters per category
--   $index      varchar = 'contrast'  {@indices}         index that ranks the filters
--   $statistic  varchar = 'maximum'   {@statistics}      statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}          range of equation 1
-- Columns
--   category        varchar
--   rank            bigint   1 is the most selective filter
--   layer           varchar
--   filter          integer  number of the filter in its layer, from 0
--   share           double   0 to 1; chance is the category's proportion of the stimuli
--   balanced_share  double   0 to 1; chance is 1 / number of categories
--   contrast        double   response contrast, -1 to 1
--   correlation     double   -1 to 1; decreases for missing and for false labels, see selectivity/sanity
--   value           double   the index that ranks the filters
--   low             double   lower end of the bootstrap interval of value
--   high            double   upper end of the bootstrap interval of value
--   q               double   expected proportion of false discoveries among all filters at least as significant
--   is_bound        boolean  whether q is only an upper bound, as its p is the smallest that the permutations allow
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
    s.q,
    is_smallest_p(s.p, s.permutations) as is_bound
from ranked r
left join (
    select * from significance g where g.index = $index and g.statistic = $statistic and g.normalise = $normalise
) s using (layer, filter, category)
where r.rank <= $count and ($category is null or r.category = $category)
order by r.category, r.rank
