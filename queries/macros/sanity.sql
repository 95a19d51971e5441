-- Indices under labels that are wrong on purpose.

-- relabelled_indices(statistic, of_category, count_each, repeats, seed): every index under altered labels.
--
-- name, layer, filter, category, alteration, repeat, value: for the `count_each` filters of every category with the
-- largest value of each index, pooling layers left out. alteration is 'none' (repeat 0); 'missing', where every
-- stimulus of the category loses its label with probability 1/2; or 'extra', where every other stimulus gets it with
-- probability n_c / n_rest, so that the category has twice as many stimuli on average. Whether a label changes
-- depends on the md5 of seed, repeat, category and stimulus alone. The category is compared with all other stimuli
-- as one group. of_category null means all.
create macro relabelled_indices(statistic, of_category, count_each, repeats, seed) as table
with measured as (
    select s.* exclude (dead, welch_df), r.* exclude (layer, filter, category, n)
    from selectivity(statistic, 'filter') s
    join rank_indices(statistic, null, null) r using (layer, filter, category)
    where not s.dead and (of_category is null or s.category = of_category)
),
long as (
    unpivot measured on columns(* exclude (layer, filter, category, n)) into name name value value
),
best as (
    select l.name, l.layer, l.filter, l.category
    from long l
    join layers y using (layer)
    where not y.is_pool
    qualify row_number() over (partition by l.category, l.name order by l.value desc, y.position, l.filter)
        <= count_each
),
known as (
    select stimulus_id, category
    from labels
    where stimulus_id in (select stimulus_id from responses where filter = 0)
),
class as (
    select category, count(*) as n, sum(count(*)) over () - count(*) as rest_n
    from known
    group by category
),
alteration as (
    select 'none' as alteration, 0 as repeat
    union all
    select kind, repeat
    from (values ('missing'), ('extra')) as altered (kind)
    cross join range(1, repeats + 1) as repeated (repeat)
),
drawn as (
    select
        c.category,
        c.n / c.rest_n as chance,
        a.alteration,
        a.repeat,
        k.stimulus_id,
        k.category = c.category as has_label,
        md5_number_lower(concat_ws(' ', seed, a.repeat, c.category, k.stimulus_id)) / 2::double ** 64 as uniform
    from class c
    cross join alteration a
    cross join known k
    where of_category is null or c.category = of_category
),
relabelled as (
    select
        category,
        alteration,
        repeat,
        stimulus_id,
        case alteration
            when 'missing' then has_label and uniform >= 0.5
            when 'extra' then has_label or uniform < chance
            else has_label
        end as is_member
    from drawn
),
unit as (
    -- one whole number for every filter, category and labelling: windows sort by it faster than by five columns
    select
        b.layer,
        b.filter,
        b.category,
        l.alteration,
        l.repeat,
        l.is_member,
        dense_rank() over (order by b.layer, b.filter, b.category, l.alteration, l.repeat) as number,
        r.response
    from (select distinct layer, filter, category from best) b
    join relabelled l using (category)
    join response_values(statistic) r using (layer, filter, stimulus_id)
),
ordered as (
    select
        *,
        rank() over ascending as first_rank,
        count(*) over ascending as last_rank,
        count(*) over descending as members_at_least,
        count(*) over whole as all_n,
        count(*) filter (is_member) over whole as places,
        min(response) over whole as lowest,
        max(response) over whole as highest
    from unit
    window
        whole as (partition by number),
        ascending as (partition by number order by response),
        descending as (partition by number, is_member order by response desc)
),
placed as (
    select
        *,
        (response - lowest) / (highest - lowest) as normal,
        part_of_place(places - (all_n - last_rank), last_rank - first_rank + 1) as part
    from ordered
),
summed as (
    select
        layer,
        filter,
        category,
        alteration,
        repeat,
        false as dead,
        2 as categories,
        count(*) filter (is_member) as n,
        count(*) filter (not is_member) as rest_n,
        count(*) as all_n,
        avg(response) filter (is_member) as mean,
        avg(response) filter (not is_member) as rest_mean,
        var_samp(response) filter (is_member) as variance,
        var_samp(response) filter (not is_member) as rest_variance,
        var_pop(response) as all_variance,
        sum(normal) filter (is_member) as activity,
        sum(normal) filter (not is_member) as rest_activity,
        sum(normal) as all_activity,
        any_value(lowest) as all_lowest,
        sum((first_rank + last_rank) / 2) filter (is_member) as rank_sum,
        any_value(places) as places,
        sum(part) filter (is_member) as places_of_category,
        sum(members_at_least / (all_n - first_rank + 1)) filter (is_member) as precision_sum
    from placed
    group by layer, filter, category, alteration, repeat
),
measurable as (
    select
        *,
        rest_mean as others_mean,
        activity / n + rest_activity / rest_n as summed_activity_means
    from summed
    where n > 0 and rest_n > 0
),
altered as (
    select
        layer,
        filter,
        category,
        alteration,
        repeat,
        {@values of moments},
        {@values of ranks}
    from measurable
),
altered_long as (
    unpivot altered
    on columns(* exclude (layer, filter, category, alteration, repeat)) into name name value value
)
select a.name, a.layer, a.filter, a.category, a.alteration, a.repeat, a.value
from altered_long a
join best b using (name, layer, filter, category);
