-- Balance of a stimulus set: how unequal its classes are in number and level of the filters that detect them.
--
-- A set with as many images of every class need not be balanced: some classes drive many filters, others few, and some
-- only deep ones. For every class: its detectors (filters whose index for it exceeds the threshold) as a mean share of a
-- layer, that share relative to the mean of all classes (`ratio`, 1 is balanced), their depth, and how far it lies from
-- the mean depth (`shift`). For the set as a whole, the same in every row: `evenness` of the shares, -sum of p ln p / ln K
-- over the K classes (1 balanced, 0 all detectors are of one class), and `spread`, the standard deviation (n - 1) of the
-- depths. A class without detectors has no depth and is in no mean of depths, nor in the spread: look at its share.
--
-- Contrast is relative: a class that drives nearly every filter takes detectors from all others, so a set is unbalanced
-- with it and may be balanced without it. `low` and `high` of evenness and spread hold 95 % of the bootstrap samples of the
-- stimuli; those of the single classes are in complexity/depth.
--
-- Unequal numbers of images shift an index by themselves. The columns that end in _equal are the same with every class cut
-- down at random to the size of the smallest, as means over the draws of `toolbox significance` for the same index and
-- threshold; where all classes have one size they repeat the others, and without these draws they are null.
-- Pooling layers are left out: they repeat the filters of the convolution below them.
--
-- Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265; evenness is Pielou's (1966), doi 10.1016/0022-5193(66)90013-0.
--
-- Parameters
--   $index      varchar = 'contrast'  {@indices}     what the threshold cuts
--   $threshold  double  = 0.1                        a filter above it detects the class
--   $statistic  varchar = 'maximum'   {@statistics}  statistic of the activation map
--   $normalise  varchar = 'filter'    {@ranges}      range of equation 1
-- Columns
--   category        varchar
--   stimuli         bigint   labelled stimuli of the class
--   detectors       bigint   filters that detect the class, over all layers
--   share           double   mean over layers of detectors / filters, 0 to 1
--   ratio           double   share / mean share of all classes; 1 is balanced
--   depth           double   0 is the first layer of the network, 1 its last; null if no filter detects the class
--   shift           double   depth - mean depth of all classes
--   share_equal     double   share with classes of equal size
--   ratio_equal     double   ratio with classes of equal size
--   depth_equal     double   depth with classes of equal size
--   evenness        double   of the set: 1 balanced in number, 0 all detectors are of one class
--   spread          double   of the set: standard deviation of the depths; 0 balanced in level, null for a single depth
--   evenness_low    double   lower end of the bootstrap interval
--   evenness_high   double   upper end of the bootstrap interval
--   spread_low      double   lower end of the bootstrap interval
--   spread_high     double   upper end of the bootstrap interval
--   evenness_equal  double   evenness with classes of equal size
--   spread_equal    double   spread with classes of equal size
with member as (
    select category, any_value(n) as stimuli
    from category_moments($statistic)
    group by category
),
found as (
    select * from category_complexity($index, $statistic, $normalise, $threshold) where kind <> 'permutation'
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
        bootstrap_interval(b.evenness, r.kind) as evennesses,
        bootstrap_interval(b.spread, r.kind) as spreads,
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
    c.ratio,
    c.mean_depth,
    c.shift,
    case when s.is_equal then c.proportion else c.proportion_equal end as proportion_equal,
    case when s.is_equal then c.ratio else c.ratio_equal end as ratio_equal,
    case when s.is_equal then c.mean_depth else c.mean_depth_equal end as mean_depth_equal,
    c.evenness,
    c.spread,
    c.evennesses[1] as evenness_low,
    c.evennesses[2] as evenness_high,
    c.spreads[1] as spread_low,
    c.spreads[2] as spread_high,
    case when s.is_equal then c.evenness else c.evenness_equal end as evenness_equal,
    case when s.is_equal then c.spread else c.spread_equal end as spread_equal
from class c
join member m using (category)
cross join size s
order by c.category
