-- Balance of a stimulus set: how much its categories differ in the proportion and mean depth of selective filters.
--
-- The complexity of a category has two parts: the proportion of filters selective for it, and their mean depth. It is
-- a property of the network's representation, not of the images' pixels. A set with equal numbers of images is not
-- necessarily balanced in complexity: for some categories many filters are selective, for others few or only deep
-- ones.
--
-- For every category there are four measures. `proportion` is the mean over layers of selective filters / filters of
-- the layer. `ratio` is this proportion relative to its mean over the categories (1 is balanced). `mean_depth` is the
-- mean depth of the selective filters, and `shift` is its difference from the mean over the categories. The set as a
-- whole has two measures, the same in every row. `evenness` is that of the proportions, -sum of p ln p / ln K over
-- the K categories: 1 if balanced, 0 if all selective filters belong to one category. `spread` is the standard
-- deviation (n - 1) of the mean depths. A category without selective filters has no mean depth and enters neither the
-- mean over the categories nor the spread: read its proportion.
--
-- The default index is the response contrast (`contrast`: difference between the mean normalised responses to the
-- category and to all others), which is relative. A category that drives nearly every filter reduces the number of
-- filters selective for all others, so a set may be unbalanced with this category and balanced without it. `low` and
-- `high` of evenness and spread estimate their means over other sets of as many stimuli of the same categories (see
-- layers/profile). Near an evenness of 1 the interval is too wide rather than too narrow. complexity/depth has the
-- intervals of single categories.
--
-- Unequal numbers of images change an index by themselves. The columns that end in _equal are the same measures after
-- every category was reduced at random to the size of the smallest. They are means over the random subsets of
-- `toolbox significance` for the same index and threshold. They equal the other columns if all categories have the
-- same size, and are null otherwise if there are no such subsets. Pooling layers are excluded: they repeat the
-- filters of the convolution below them.
--
-- Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265; the evenness is that of Pielou (1966),
-- doi 10.1016/0022-5193(66)90013-0.
--
-- Parameters
--   $index      varchar = 'contrast'  {@indices}     index that is compared with the threshold
--   $threshold  double  = null                       a filter above it is selective; null: that of the index
--   $statistic  varchar = 'maximum'   {@statistics}  statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}      range of equation 1
-- Columns
--   category          varchar
--   stimuli           bigint   labelled stimuli of the category
--   selective         bigint   filters selective for the category, over all layers
--   proportion        double   mean over layers of selective / filters, 0 to 1
--   chance            double   mean of the proportion for permuted labels
--   beyond_chance     boolean  whether the proportion is above 97.5 % of the permutations; null where there are none
--   ratio             double   proportion / mean proportion of all categories; 1 is balanced
--   mean_depth        double   of the selective filters, 0 (first layer) to 1 (last); null if there are none
--   shift             double   mean_depth - its mean over all categories
--   proportion_equal  double   proportion with categories of equal size
--   ratio_equal       double   ratio with categories of equal size
--   mean_depth_equal  double   mean_depth with categories of equal size
--   evenness          double   of the set: 1 balanced, 0 all selective filters belong to one category
--   spread            double   of the set: standard deviation of mean_depth; 0 balanced, null for a single mean depth
--   evenness_low      double   lower end of the bootstrap interval
--   evenness_high     double   upper end of the bootstrap interval
--   spread_low        double   lower end of the bootstrap interval
--   spread_high       double   upper end of the bootstrap interval
--   evenness_equal    double   evenness with categories of equal size
--   spread_equal      double   spread with categories of equal size
with member as (
    select category, any_value(n) as stimuli
    from category_moments($statistic)
    group by category
),
found as (
    select * from category_complexity($index, $statistic, $normalise, $threshold)
),
related as (
    select
        *,
        proportion / nullif(avg(proportion) over whole_set, 0) as ratio,
        mean_depth - avg(mean_depth) over whole_set as shift,
        proportion / nullif(sum(proportion) over whole_set, 0) as p
    from found
    window whole_set as (partition by kind, resample)
),
balance as (
    select kind, resample, evenness(p) as evenness, stddev_samp(mean_depth) as spread
    from related
    group by kind, resample
),
class as (
    select
        r.category,
        observed_value(r.selective, r.kind) as selective,
        observed_value(r.proportion, r.kind) as proportion,
        observed_value(r.ratio, r.kind) as ratio,
        observed_value(r.mean_depth, r.kind) as mean_depth,
        observed_value(r.shift, r.kind) as shift,
        observed_value(b.evenness, r.kind) as evenness,
        observed_value(b.spread, r.kind) as spread,
        bootstrap_error(b.evenness, r.kind) as evenness_error,
        bootstrap_error(b.spread, r.kind) as spread_error,
        permutation_interval(r.proportion, r.kind) as permuted,
        avg(r.proportion) filter (r.kind = 'permutation') as chance,
        avg(r.proportion) filter (r.kind = 'equal') as proportion_equal,
        avg(r.ratio) filter (r.kind = 'equal') as ratio_equal,
        avg(r.mean_depth) filter (r.kind = 'equal') as mean_depth_equal,
        avg(b.evenness) filter (r.kind = 'equal') as evenness_equal,
        avg(b.spread) filter (r.kind = 'equal') as spread_equal
    from related r
    join balance b on b.kind = r.kind and b.resample is not distinct from r.resample
    group by r.category
),
size as (
    select min(stimuli) = max(stimuli) as is_equal from member
)
select
    c.category,
    m.stimuli::bigint as stimuli,
    c.selective::bigint as selective,
    c.proportion,
    c.chance,
    c.proportion > c.permuted[2] as beyond_chance,
    c.ratio,
    c.mean_depth,
    c.shift,
    case when s.is_equal then c.proportion else c.proportion_equal end as proportion_equal,
    case when s.is_equal then c.ratio else c.ratio_equal end as ratio_equal,
    case when s.is_equal then c.mean_depth else c.mean_depth_equal end as mean_depth_equal,
    c.evenness,
    c.spread,
    bootstrap_interval(c.evenness, c.evenness_error, 0, 1)[1] as evenness_low,
    bootstrap_interval(c.evenness, c.evenness_error, 0, 1)[2] as evenness_high,
    bootstrap_interval(c.spread, c.spread_error, 0, null)[1] as spread_low,
    bootstrap_interval(c.spread, c.spread_error, 0, null)[2] as spread_high,
    case when s.is_equal then c.evenness else c.evenness_equal end as evenness_equal,
    case when s.is_equal then c.spread else c.spread_equal end as spread_equal
from class c
join member m using (category)
cross join size s
order by c.category
