-- Relation of the responses of filters to a numeric variable of the stimuli: rank correlations.

-- given_variables(given): the variables that are held constant, from their names separated by commas; none if null.
--
-- The word `category` is left out: it stands for the labels, not for a variable.
create macro given_variables(given) as list_filter(
    list_transform(string_split(coalesce(given, ''), ','), lambda name: trim(name)),
    lambda name: name not in ('', 'category')
);

-- is_within_category(given): whether the category is among the names of what is held constant.
create macro is_within_category(given) as list_contains(
    list_transform(string_split(coalesce(given, ''), ','), lambda name: trim(name)),
    'category'
);

-- given_key(given): the names of what is held constant, in the order in which `toolbox relate` keeps them.
create macro given_key(given) as array_to_string(
    list_sort(list_distinct(list_filter(
        list_transform(string_split(coalesce(given, ''), ','), lambda name: trim(name)),
        lambda name: name <> ''
    ))),
    ','
);

-- mean_rank(first_rank, last_rank): rank of equal values, the mean of the places that they share.
create macro mean_rank(first_rank, last_rank) as (first_rank + last_rank) / 2;

-- orthogonalise(vectors): the vectors, each without what the ones before it explain (Gram and Schmidt).
--
-- A vector that the ones before it explain completely becomes 0. The vectors must have a mean of 0.
create macro orthogonalise(vectors) as list_reduce(
    list_transform(vectors, lambda vector: [vector]),
    lambda basis, vector: list_append(basis, without_all(vector[1], basis))
);

-- without_all(vector, basis): a vector without what orthogonal vectors explain of it; 0 if that is all of it.
create macro without_all(vector, basis) as list_transform(
    [list_reduce(basis, lambda rest, axis: without(rest, axis), vector)],
    lambda rest: case
        when list_inner_product(rest, rest) > 1e-9 * list_inner_product(vector, vector) then rest
        else list_transform(vector, lambda value: 0.0)
    end
)[1];

-- without(vector, axis): a vector without its projection on another, which may be 0.
create macro without(vector, axis) as list_transform(
    vector,
    lambda value, place: value - axis[place]
    * coalesce(list_inner_product(vector, axis) / nullif(list_inner_product(axis, axis), 0), 0)
);

-- explained_squares(vector, basis): the part of a vector's sum of squares that orthogonal vectors explain.
create macro explained_squares(vector, basis) as coalesce(list_sum(list_transform(
    basis,
    lambda axis: list_inner_product(vector, axis) ** 2 / nullif(list_inner_product(axis, axis), 0)
)), 0);

-- related_stimuli(parameter, given): the stimuli that count, with the ranks of the variables: stimulus_id, grouping,
-- place, residual.
--
-- They are the labelled stimuli with responses that have a value of the parameter and of everything that is given.
-- place is 1, 2 … for what is given, in its order, and the last one for the parameter. residual is the rank (equal
-- values share their mean rank), minus the mean rank of all stimuli or, if the category is given, of its category.
create macro related_stimuli(parameter, given) as table
with name as (
    select
        unnest(list_append(given_variables(given), parameter)) as variable,
        generate_subscripts(list_append(given_variables(given), parameter), 1) as place
),
known_name as (
    select
        place,
        case
            when variable in (select v.variable from variables v) then variable
            else error('no parameter or property named ' || variable || ' to hold constant; list them with: '
                || 'toolbox query relation/variables')
        end as variable
    from name
),
presented as (
    select stimulus_id, case when is_within_category(given) then category else '' end as grouping
    from labels
    where stimulus_id in (select stimulus_id from responses where filter = 0)
),
known as (
    select p.stimulus_id, p.grouping, n.place, v.value
    from presented p
    join variables v using (stimulus_id)
    join known_name n using (variable)
    where isfinite(v.value)
    qualify count(*) over (partition by p.stimulus_id) = (select count(*) from name)
),
ranked as (
    select
        stimulus_id,
        grouping,
        place,
        mean_rank(rank() over ascending, count(*) over ascending) as rank
    from known
    window ascending as (partition by place order by value)
)
select stimulus_id, grouping, place, rank - avg(rank) over (partition by place, grouping) as residual
from ranked;

-- related_axes(parameter, given): what the ranks of the responses are compared with, in one row.
--
-- n; axis, the ranks of the parameter without what is explained by that which is given; given_axes, that, each without
-- what the ones before it explain; free, the degrees of freedom. All vectors are in the order of stimulus_id.
create macro related_axes(parameter, given) as table
with vector as (
    select place, list(residual order by stimulus_id) as residuals
    from related_stimuli(parameter, given)
    group by place
),
orthogonal as (
    select orthogonalise(list(residuals order by place)) as vectors from vector
)
select
    len(vectors[-1])::bigint as n,
    vectors[-1] as axis,
    vectors[:-2] as given_axes,
    len(vectors[-1]) - 1 - len(vectors)
    - (select count(distinct grouping) - 1 from related_stimuli(parameter, given)) as free
from orthogonal;

-- critical_correlation(free): the absolute rank correlation that one filter exceeds by chance in 1 of 20 cases.
--
-- 1.96 standard deviations of a rank correlation without relation, 1 / sqrt(n - 1) (Kendall and Gibbons 1990); n is
-- reduced by what is held constant. free is n - 2 minus that. Good from about 20 stimuli on.
create macro critical_correlation(free) as 1.96 / sqrt(free + 1);

-- filter_relations(parameter, given, statistic): rank correlation of every filter's responses with a variable.
--
-- layer, position, depth, is_pool, filter, n, correlation, free, dead. Equal values share their mean rank (Spearman).
-- With something given it is the partial correlation of the ranks: that of what is left of both after linear
-- regression of the ranks on those of what is given. Null for a dead filter, for a variable that does not vary, and
-- where less than 1e-9 of the variance is left.
create macro filter_relations(parameter, given, statistic) as table
with stimulus as (
    select distinct stimulus_id, grouping from related_stimuli(parameter, given)
),
unit as (
    select r.layer, r.filter, (y.position::bigint << 32) + r.filter as number, s.stimulus_id, s.grouping, r.response
    from response_values(statistic) r
    join stimulus s using (stimulus_id)
    join layers y using (layer)
),
ranked as (
    select
        layer,
        filter,
        number,
        stimulus_id,
        grouping,
        mean_rank(rank() over ascending, count(*) over ascending) as rank
    from unit
    window ascending as (partition by number order by response)
),
centred as (
    select layer, filter, stimulus_id, rank - avg(rank) over (partition by number, grouping) as residual
    from ranked
),
vector as (
    select layer, filter, list(residual order by stimulus_id) as residuals
    from centred
    group by layer, filter
),
squared as (
    -- of the ordered list: a sum over rows would depend on the threads in its last bits
    select *, list_inner_product(residuals, residuals) as squares from vector
),
compared as (
    select
        v.layer,
        v.filter,
        a.n,
        a.free,
        v.squares = 0 as dead,
        list_inner_product(v.residuals, a.axis) as product,
        list_inner_product(a.axis, a.axis) as axis_squares,
        v.squares - explained_squares(v.residuals, a.given_axes) as rest,
        v.squares
    from squared v, related_axes(parameter, given) a
)
select
    c.layer,
    y.position,
    y.depth,
    y.is_pool,
    c.filter,
    c.n,
    case when c.rest > 1e-9 * c.squares and c.axis_squares > 0 and c.free > 0 then
        greatest(least(c.product / sqrt(c.axis_squares * c.rest), 1), -1)
    end as correlation,
    c.free,
    c.dead
from compared c
join layers y using (layer);

-- seeded_order(seed, name): a number by which names are in a random order that only depends on them and the seed.
create macro seeded_order(seed, name) as md5_number_lower(seed::varchar || '/' || name);

-- noise_ceiling(parameter, splits, seed): agreement between halves of the observations of a parameter, in one row.
--
-- observers, stimuli, repeated (stimuli with two or more observations), observations, half_correlation, reliability,
-- low and high (95 % of the splits), ceiling. In every split, the observations of each stimulus are divided into
-- halves, by the same random order of the observers for all stimuli. reliability is the rank correlation of the halves'
-- means over stimuli, as the mean over the splits, corrected to all observations by 2 r / (1 + r) (Spearman 1910,
-- Brown 1910). ceiling is its square root: the largest correlation that something without noise can have with the
-- mean, 0 for a reliability below 0. All are null without repeated observations.
create macro noise_ceiling(parameter, splits, seed) as table
with observed as (
    select o.stimulus_id, o.observer, o.value, count(*) over (partition by o.stimulus_id) as repeats
    from observations o
    where o.parameter = parameter
),
halved as (
    select
        s.split,
        o.stimulus_id,
        o.value,
        row_number() over (
            partition by s.split, o.stimulus_id
            order by seeded_order(seed, s.split::varchar || '/' || o.observer), o.observer
        ) <= o.repeats / 2 as is_first
    from observed o, (select unnest(range(splits)) as split) s
    where o.repeats > 1
),
half as (
    select
        split,
        stimulus_id,
        list_avg(list(value order by value) filter (is_first)) as first_mean,
        list_avg(list(value order by value) filter (not is_first)) as second_mean
    from halved
    group by split, stimulus_id
),
ranked as (
    select
        split,
        mean_rank(rank() over firsts, count(*) over firsts) as first_rank,
        mean_rank(rank() over seconds, count(*) over seconds) as second_rank
    from half
    window
        firsts as (partition by split order by first_mean),
        seconds as (partition by split order by second_mean)
),
correlated as (
    select split, corr(first_rank, second_rank) as r
    from ranked
    group by split
    having count(distinct first_rank) > 1 and count(distinct second_rank) > 1
),
agreement as (
    select avg(r) as r, quantile_cont(r, [0.025, 0.975]) as ends from correlated where isfinite(r)
)
select
    (select count(distinct observer) from observed) as observers,
    (select count(distinct stimulus_id) from observed) as stimuli,
    (select count(distinct stimulus_id) from observed where repeats > 1) as repeated,
    (select count(*) from observed) as observations,
    r as half_correlation,
    spearman_brown(r) as reliability,
    spearman_brown(ends[1]) as low,
    spearman_brown(ends[2]) as high,
    case when r is not null then sqrt(greatest(spearman_brown(r), 0)) end as ceiling
from agreement;

-- spearman_brown(r): reliability of all observations, from the correlation of two halves; null if r is -1.
create macro spearman_brown(r) as 2 * r / nullif(1 + r, 0);
