-- The most representative filters of a category over all layers.
--
-- The filters whose activity belongs most to the category, wherever in the network they lie. Pooling layers are left out:
-- they repeat the filters of the convolution below them. A filter chosen as the best of thousands looks better than it
-- is on the stimuli that chose it; measure it again on others.
--
-- Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265.
--
-- Parameters
--   $category   varchar = null        {labels.category}                  one category; all of them if null
--   $count      integer = 10                                             filters per category
--   $index      varchar = 'contrast'  {contrast, share, balanced_share, csi, fsi, d_prime, welch_t, auc, precision}  index that ranks them
--   $statistic  varchar = 'maximum'   {maximum, mean}                    statistic of the activation map
--   $normalise  varchar = 'filter'    {filter, layer}                    range of equation 1
-- Columns
--   category        varchar
--   rank            bigint   1 is the most selective filter
--   layer           varchar
--   filter          integer  number of the filter in its layer, from 0
--   share           double   0 to 1; chance is the category's proportion of the stimuli
--   balanced_share  double   0 to 1; chance is 1 / number of categories
--   contrast        double   -1 to 1
--   value           double   the index that ranks
with ranked as (
    select
        *,
        row_number() over (partition by category order by value desc, position, filter)::bigint as rank
    from indexed($index, $statistic, $normalise)
    where kind <> 'pool' and value is not null
)
select category, rank, layer, filter, share, balanced_share, contrast, value
from ranked
where rank <= $count and ($category is null or category = $category)
order by category, rank
