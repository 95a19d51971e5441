-- Sanity of the indices: whether they notice missing and false labels of a category.
--
-- An index that is to find the filters that respond to exactly the stimuli of a category must fall when the labels
-- are wrong. Two checks, for the $count filters of every category with the largest value of each index:
--
--     missing    each stimulus of the category loses its label with probability 1/2
--     extra      on average as many other stimuli, chosen at random, get the label although they do not belong to it
--
-- A test is one filter and category. `missing` and `extra` are the proportions of $repeats altered labellings in
-- which the value falls by more than a thousandth of itself, as means over the tests. Labellings that leave nothing
-- to compare do not count. An index passes if both are at least 0.9. Which indices pass depends on the prevalence,
-- the category's proportion of the stimuli, and on how selective the filters are: name one $category. At 2 %
-- contrast, csi, fsi, d_prime, auc and balanced_share do not notice missing labels, and share rises with false ones,
-- since it measures the category's size too.
--
-- To fail is not a fault of an effect size: that contrast hardly changes when labels are missing is a virtue where
-- the labels are incomplete. But a filter that such an index rates highest need not respond to just this
-- category. Report an index that passes beside it, such as correlation.
--
-- With two categories of equal size every other stimulus would get the label, so `extra` and `passes` are null.
--
-- The category is compared with all other stimuli as one group, so csi equals fsi here. Time and memory grow with the
-- product of categories, stimuli, $count and $repeats: for a large set name one $category.
--
-- Source: NeuronEval (2025), arXiv:2506.05774, the two sanity checks.
--
-- Parameters
--   $category   varchar = null       {labels.category}  one category; all of them if null
--   $count      integer = 10         {1 or more}        filters with the largest value, per category and index
--   $repeats    integer = 10         {1 to 10000}       altered labellings of each kind
--   $seed       integer = 0          {0 or more}        equal seeds alter the same labels
--   $statistic  varchar = 'maximum'  {@statistics}      statistic of the activation map
-- Columns
--   index       varchar
--   tests       bigint   filters and categories that were tested
--   prevalence  double   mean proportion of the category among the stimuli
--   value       double   mean value under the true labels
--   missing     double   mean proportion of labellings with missing labels in which the value falls
--   extra       double   mean proportion of labellings with extra labels in which the value falls
--   passes      boolean  both are at least 0.9
with value as (
    select * from relabelled_indices($statistic, $category, $count, $repeats, $seed)
),
test as (
    select
        t.name,
        t.layer,
        t.filter,
        t.category,
        any_value(t.value) as value,
        avg((a.value < t.value - 0.001 * abs(t.value))::integer) filter (a.alteration = 'missing') as missing,
        avg((a.value < t.value - 0.001 * abs(t.value))::integer) filter (a.alteration = 'extra') as extra
    from value t
    join value a using (name, layer, filter, category)
    where t.alteration = 'none' and a.alteration <> 'none'
    group by t.name, t.layer, t.filter, t.category
),
size as (
    select category, any_value(n) / any_value(all_n) as prevalence
    from category_moments($statistic)
    group by category
)
select
    t.name as index,
    count(*) as tests,
    avg(s.prevalence) as prevalence,
    avg(t.value) as value,
    avg(t.missing) as missing,
    avg(t.extra) as extra,
    avg(t.missing) >= 0.9 and avg(t.extra) >= 0.9 as passes
from test t
join size s using (category)
group by t.name
order by index
